package realtimetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaID = "https://contracts.local/openai-realtime.schema.json"

// contracts is the folder of the published contracts beside the checkout; "" where there is none.
func contracts(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
	shared := filepath.Join(dir, "..", "shared")
	if _, err := os.Stat(shared); errors.Is(err, fs.ErrNotExist) {
		t.Log("left out: ../shared does not exist, so nothing is held against the published schema")
		return ""
	}
	return filepath.Join(shared, "contracts")
}

func strictSchemas(t *testing.T, dir string) map[string]*jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "openai-realtime.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	return map[string]*jsonschema.Schema{
		SideClient: compiler.MustCompile(schemaID + "#/$defs/RealtimeClientEventStrict"),
		SideServer: compiler.MustCompile(schemaID + "#/$defs/RealtimeServerEventStrict"),
	}
}

func TestEveryEventOfEveryScenarioIsStrictlyValid(t *testing.T) {
	dir := contracts(t)
	if dir == "" {
		return
	}
	schemas := strictSchemas(t, dir)
	scripts := map[string]Script{}
	for _, name := range []string{"books", "counter", "refuses", "bridge-down", "person"} {
		scripts[name] = scripted(t, name)
	}
	failing := scripted(t, "books")
	failing.Faults = Faults{FailResponse: 2, TwoCalls: true, RepeatCall: true}
	scripts["failing"] = failing
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			_, url, j := started(t, script)
			c := dial(t, url)
			c.configure(pcmuFormat, autoVAD)
			if name == "person" {
				script.Scenario.Turns = script.Scenario.Turns[:0:0]
				for _, words := range []string{"Hello.", "Yes."} {
					turn := scripted(t, "books").Scenario.Turns[0]
					turn.Say = words
					script.Scenario.Turns = append(script.Scenario.Turns, turn)
				}
			}
			c.hold(script.Scenario)
			interrupted(t, c)
			j.mu.Lock()
			defer j.mu.Unlock()
			if len(j.events) < 50 {
				t.Fatalf("only %d events", len(j.events))
			}
			for _, e := range j.events {
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(e.event))
				if err != nil {
					t.Fatal(err)
				}
				if err := schemas[e.side].Validate(v); err != nil {
					t.Fatalf("%s sent %.400s\n%v", e.side, e.event, err)
				}
			}
		})
	}
}

// interrupted adds the events of the rarer paths: an error, a truncation, a cancelled response.
func interrupted(t *testing.T, c *client) {
	t.Helper()
	c.loud = true
	c.send(`{"type":"input_audio_buffer.clear"}`)
	c.until("input_audio_buffer.cleared")
	c.send(`{"type":"input_audio_buffer.commit"}`)
	c.until("error")
	c.send(`{"type":"response.create"}`)
	id := c.until("response.created").Response.ID
	c.send(`{"type":"response.cancel","response_id":"` + id + `"}`)
	c.until("response.done")
}

func TestOurVerdictIsTheStrictOne(t *testing.T) {
	dir := contracts(t)
	if dir == "" {
		return
	}
	f, err := os.Open(filepath.Join(dir, "openai-realtime.cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	schemas, lines, judged := strictSchemas(t, dir), bufio.NewScanner(f), 0
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var test struct {
			Name, Side string
			Strict     bool
			Event      json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &test); err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(test.Event))
		if err != nil {
			t.Fatal(err)
		}
		if got := schemas[strings.ToLower(test.Side)].Validate(v) == nil; got != test.Strict {
			t.Errorf("%s: the schema says %v, the case %v", test.Name, got, test.Strict)
		}
		if test.Side != "Client" {
			continue
		}
		judged++
		if _, fault := checkShape(test.Event); (fault == nil) != test.Strict {
			t.Errorf("%s: our verdict is %v, want accepted %v", test.Name, fault, test.Strict)
		}
	}
	if judged < 40 {
		t.Fatalf("only %d client cases were judged", judged)
	}
}
