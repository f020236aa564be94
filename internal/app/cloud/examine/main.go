// Command examine reads a configuration document and says what a function would say of it,
// in the same words: every fault with its mend, and then its exit status is 1. It is asked
// by scripts/secrets.sh before a document is stored, and asks nothing of AWS.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // zones are judged as functions judge them

	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/config"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = examine(text, os.Stdout)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// unknownYet stands for the public address that the deployment gives its functions, where
// the document has none of its own.
const unknownYet = "https://set-by-the-deployment.invalid"

// examine decodes a document as functions do, and writes what they would warn of. The error
// is a config.Faults where the document was understood. The variables of this process count
// for nothing: it is not deployed with them.
func examine(text []byte, warnings io.Writer) error {
	var said struct {
		Server struct {
			PublicBaseURL string `json:"publicBaseUrl"`
		}
	}
	_ = json.Unmarshal(text, &said) // what is wrong with it is found by Decode
	e := cloud.Environment{Lookup: func(name string) (string, bool) {
		return unknownYet, said.Server.PublicBaseURL == "" && name == config.EnvPrefix+"SERVER_PUBLIC_BASE_URL"
	}}
	d, err := e.Decode(text)
	var faults config.Faults
	switch {
	case errors.As(err, &faults):
		return faults
	case err != nil:
		return err
	}
	for _, w := range d.Config.Warnings() {
		fmt.Fprintln(warnings, "warning: "+w)
	}
	return nil
}
