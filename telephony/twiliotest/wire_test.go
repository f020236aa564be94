package twiliotest

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

const wireSID = "MZ0123456789abcdef0123456789abcdef"

var goodMessages = []string{
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":"//8="}}`,
	`{"event":"mark","streamSid":"` + wireSID + `","mark":{"name":"m1"}}`,
	`{"event":"clear","streamSid":"` + wireSID + `"}`,
}

var badMessages = []string{
	``, `null`, `[]`, `"clear"`, `{}`, `{"event":"clear"}`, `{"event":null,"streamSid":"` + wireSID + `"}`,
	`{"event":"clear","streamSid":"MZ01"}`, `{"event":"clear","streamSid":null}`, `{"event":"Clear","streamSid":"` + wireSID + `"}`,
	`{"Event":"clear","streamSid":"` + wireSID + `"}`, `{"event":"clear","streamsid":"` + wireSID + `"}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":""}}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":"//8"}}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":"//8=\n"}}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":"_-8="}}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":{"payload":"//8=","track":"outbound"}}`,
	`{"event":"media","streamSid":"` + wireSID + `","media":null}`,
	`{"event":"media","streamSid":"` + wireSID + `"}`,
	`{"event":"mark","streamSid":"` + wireSID + `","mark":{"name":""}}`,
	`{"event":"mark","streamSid":"` + wireSID + `","mark":{"name":1}}`,
	`{"event":"mark","streamSid":"` + wireSID + `","mark":{}}`,
	`{"event":"mark","streamSid":"` + wireSID + `","mark":"m"}`,
	`{"event":"clear","streamSid":"` + wireSID + `","sequenceNumber":"1"}`,
	`{"event":"clear","streamSid":"` + wireSID + `"}{}`,
	`{"event":"stop","streamSid":"` + wireSID + `"}`,
}

func TestMessagesOfOurSideAreJudged(t *testing.T) {
	for _, text := range goodMessages {
		if m, err := decodeServer([]byte(text)); err != nil || m.streamSID != wireSID {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range badMessages {
		if _, err := decodeServer([]byte(text)); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

// schemaOf compiles a definition of the contract; nil where the contract is not at hand.
func schemaOf(t *testing.T, definition string) *jsonschema.Schema {
	raw := shared(t, "twilio-media-streams.schema.json")
	if raw == nil {
		return nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("contract.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("contract.json#/$defs/" + definition)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func accepts(schema *jsonschema.Schema, text string) bool {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	return err == nil && schema.Validate(value) == nil
}

func TestVerdictsAgreeWithTheContractsSchema(t *testing.T) {
	schema := schemaOf(t, "ServerToTwilio")
	if schema == nil {
		return
	}
	agree := func(t interface{ Errorf(string, ...any) }, text string) {
		if _, err := decodeServer([]byte(text)); (err == nil) != accepts(schema, text) {
			t.Errorf("%s: we say %v, the schema %v", text, err, accepts(schema, text))
		}
	}
	for _, text := range append(goodMessages, badMessages...) {
		agree(t, text)
	}
	word := func(words ...string) *rapid.Generator[string] { return rapid.SampledFrom(words) }
	rapid.Check(t, func(t *rapid.T) {
		message := map[string]any{}
		for _, key := range []string{"event", "streamSid", word("media", "mark", "x", "").Draw(t, "body")} {
			if rapid.IntRange(0, 9).Draw(t, "leave out") > 0 {
				message[key] = map[string]any{
					word("payload", "name", "x").Draw(t, "key"): word("", "AAAA", "AAA=", "AA==", "A", "AAAA\n", "ä").Draw(t, "value"),
				}
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "odd event") > 0 {
			message["event"] = word("media", "mark", "clear", "start", "").Draw(t, "event")
		}
		message["streamSid"] = word(wireSID, wireSID, wireSID+"0", "", "mz"+wireSID[2:]).Draw(t, "sid")
		text, _ := json.Marshal(message)
		agree(t, string(text))
	})
}

func TestEverythingWeSendFitsTheContractsSchema(t *testing.T) {
	schema := schemaOf(t, "TwilioToServer")
	answer := Answer{Lines: []Line{{Audio: tone(200), Digits: "*"}, {HangUp: true, After: At(2 * time.Second)}}}
	bubble(t, script(answer), func(s *side) {
		s.serve = func(p *peer) { p.until("start", ""); p.mark("m"); p.readAll() }
		s.call()
		seen := map[string]bool{}
		for _, m := range s.wires {
			if m.FromServer {
				continue
			}
			var head struct{ Event string }
			json.Unmarshal(m.Text, &head)
			seen[head.Event] = true
			if schema != nil && !accepts(schema, string(m.Text)) {
				t.Errorf("refused by the schema: %s", m.Text)
			}
		}
		for _, event := range []string{"connected", "start", "media", "dtmf", "mark", "stop"} {
			if !seen[event] {
				t.Errorf("no %s among the messages", event)
			}
		}
	})
}

func FuzzDecodeServer(f *testing.F) {
	for _, text := range append(goodMessages, badMessages...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeServer(text)
		if err == nil && (m.streamSID == "" || m.event == "media" && len(m.payload) == 0 || m.event == "mark" && m.mark == "") {
			t.Errorf("accepted %q as %+v", text, m)
		}
	})
}

func FuzzParseTwiML(f *testing.F) {
	for _, text := range []string{streamTwiML, `<Response/>`, `<Response><Say>x</Say><Pause length="1"/></Response>`, `<Response><!-- --></Response>`, `x<Response/>`, ``} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if e, err := parseTwiML(text); err == nil && e.name != "Response" {
			t.Errorf("accepted %q", text)
		}
	})
}
