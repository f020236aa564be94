package lambdalocal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"go.uber.org/goleak"
)

// TestMain is the tests, or, under a Runtime API, the bootstrap that they run: a function
// that does as its event says, over Amazon's own runtime client.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(obey)
		return
	}
	goleak.VerifyTestMain(m)
}

// order is an event of these tests. Requests of the HTTP API are orders by their query.
type order struct {
	Do     string          `json:"do"`
	Query  string          `json:"rawQueryString"`
	Answer json.RawMessage `json:"answer"`
	File   string          `json:"file"`
}

var invocations int // of this process; one at a time

func obey(_ context.Context, event json.RawMessage) (any, error) {
	invocations++
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		return nil, err
	}
	if path := os.Getenv("RECORD"); path != "" {
		note(path, event)
	}
	do, _, _ := strings.Cut(strings.TrimPrefix(o.Query, "do="), "&")
	switch cmp.Or(os.Getenv("ALWAYS"), o.Do, do) {
	case "event":
		return map[string]any{"statusCode": 200, "body": string(event)}, nil
	case "answer":
		return o.Answer, nil
	case "form":
		return map[string]any{"statusCode": 201, "body": "YSBib2R5", "isBase64Encoded": true, "cookies": []string{"a=1", "b=2"}, "headers": map[string]string{"x-own": "yes"}}, nil
	case "garbage":
		return map[string]any{"statusCode": 200, "body": "?", "isBase64Encoded": true}, nil
	case "bare":
		return map[string]any{"just": "this"}, nil
	case "environment":
		return os.Environ(), nil
	case "count":
		return invocations, nil
	case "hold":
		for _, err := os.Stat(o.File); err != nil; _, err = os.Stat(o.File) {
			time.Sleep(5 * time.Millisecond) // the function's own time, not the test's
		}
		return "held", nil
	case "crash":
		fmt.Println("about to crash")
		os.Exit(3)
	case "hang":
		select {}
	case "large":
		return strings.Repeat("x", maxAnswer+1), nil
	case "fail":
		return nil, errors.New("as told")
	}
	return nil, nil //nolint:nilnil // an empty answer is an answer
}

var recording sync.Mutex

func note(path string, event []byte) {
	recording.Lock()
	defer recording.Unlock()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.Write(append(event, '\n')); err != nil {
		panic(err)
	}
	_ = f.Close()
}

// start runs the test template, each of whose functions is this test binary.
func start(t *testing.T, change func(*Options)) *Runner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dist := t.TempDir()
	for _, name := range []string{"obey", "follow"} {
		if err := errors.Join(os.Mkdir(filepath.Join(dist, name), 0o755), os.Symlink(self, filepath.Join(dist, name, "bootstrap"))); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Template: filepath.Join("testdata", "template.yaml"), Dist: dist, Table: "the-table"}
	if change != nil {
		change(&o)
	}
	r, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// eventually waits for something that a process does in its own time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); <-tick.C {
		if is() {
			return
		}
	}
	t.Fatalf("%s: not within 90 s", what)
}
