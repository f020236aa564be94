package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/clawdbot/call-agent/internal/app/doctor"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

var doctorCommand = caddycmd.Command{
	Name:  "doctor",
	Usage: "[--config Caddyfile] [--json]",
	Short: "Says what is missing for going live, and how to mend it",
	Long: "Examines the configuration and everything it names: public address and certificate, signed webhooks, the media\n" +
		"stream, the model, the calendar, the hook, the assistant's plugin (with OPENCLAW_GATEWAY_TOKEN), Twilio's account and number, clock and zone data. It changes nothing,\n" +
		"calls nobody, and may run beside a live server. Exit status 0 when nothing failed.",
	CobraFunc: func(c *cobra.Command) {
		var file string
		var asJSON bool
		c.Flags().StringVar(&file, "config", "Caddyfile", "the server's configuration, as Caddyfile or JSON")
		c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
		c.SilenceUsage = true
		c.RunE = func(c *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(c.Context())
			defer stop()
			report := doctor.Run(ctx, examined(ctx, file))
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				if err := enc.Encode(report); err != nil {
					return fmt.Errorf("print the report: %w", err)
				}
			} else {
				report.Print(os.Stdout)
			}
			if !report.OK {
				return errUnwell
			}
			return nil
		}
	},
}

var errUnwell = errors.New("something is missing for going live; see above")

// examined is what the doctor looks at: the file's call_agent, read as the server does.
// Nothing else in the file is looked at, and nothing is started.
func examined(ctx context.Context, file string) doctor.Options {
	o := doctor.Options{Source: file, Now: now, GatewayToken: os.Getenv("OPENCLAW_GATEWAY_TOKEN")}
	documents, err := documentsIn(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		// What the environment lacks is worth telling all the same.
		o.Faults = config.Faults{{Key: file, Problem: "does not exist", Mend: "run the doctor where the Caddyfile is, or name it: callagent doctor --config path/to/Caddyfile"}}
	case err != nil:
		o.Faults = config.Faults{{Key: file, Problem: err.Error(), Mend: "mend it; the server would not start with it"}}
		return o
	case len(documents) == 0:
		o.Faults = config.Faults{{Key: file, Problem: "has no site with the directive call_agent", Mend: "add one; the Caddyfile that comes with the program shows how"}}
	case len(documents) > 1:
		o.Warnings = append(o.Warnings, fmt.Sprintf("%s: has %d sites with call_agent; the first alone is examined", file, len(documents)))
	}
	var document []byte
	if len(documents) > 0 {
		document = documents[0]
		// Caddy itself keeps the last of repeated keys before the server sees them.
		o.Faults = add(o.Faults, config.Repeats(document))
		document = withoutName(document)
	}
	read, err := settings(ctx, document, "")
	o.Config = read.config
	if read.hash != "" {
		o.Hash = read.hash
		o.Table = dynamo.New(read.environment.TableOptions(now, 0)).Ping
	}
	o.Faults = add(o.Faults, err)
	o.Warnings = append(o.Warnings, o.Config.Warnings()...)
	o.Warnings = append(o.Warnings, config.UnknownEnv(os.Environ())...)
	return o
}

// documentsIn finds the configurations of all call_agent handlers in a Caddyfile or a
// JSON file of Caddy's, in the order of the sites.
func documentsIn(file string) ([]json.RawMessage, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !json.Valid(body) {
		if body, _, err = caddyconfig.GetAdapter("caddyfile").Adapt(body, map[string]any{"filename": file}); err != nil {
			return nil, fmt.Errorf("is no Caddyfile that Caddy takes: %w", err)
		}
	}
	return handlersIn(body), nil
}

// handlersIn are the objects that are a call_agent handler, as they stand in the text: a
// tree would lose repeated keys.
func handlersIn(text json.RawMessage) (found []json.RawMessage) {
	var members map[string]json.RawMessage
	var elements []json.RawMessage
	switch {
	case json.Unmarshal(text, &members) == nil:
		if string(members["handler"]) == `"call_agent"` {
			return []json.RawMessage{text}
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			found = append(found, handlersIn(members[name])...)
		}
	case json.Unmarshal(text, &elements) == nil:
		for _, e := range elements {
			found = append(found, handlersIn(e)...)
		}
	}
	return found
}

// withoutName is a handler's document without the handler's name, as Caddy hands it over.
func withoutName(document json.RawMessage) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(document, &members) != nil {
		return document // settings says what is wrong with it
	}
	delete(members, "handler")
	b, err := json.Marshal(members)
	if err != nil {
		return document // cannot be: its members were just read
	}
	return b
}
