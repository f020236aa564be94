package toolapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fieldRules is every rule of contract section 1 for a field: accepted values and
// refused ones. Schema tells whether JSON Schema can see the fault, too.
var fieldRules = []struct {
	field, value string
	fault        bool // the field is named in a 400
	schema       bool // and the published schema refuses it
}{
	{"to", `"+14155550123"`, false, false},
	{"to", `"+442079460958"`, false, false},
	{"to", `"4155550123"`, true, true},
	{"to", `"+1 415 555 0123"`, true, true},
	{"to", `"+1415555012"`, true, false},
	{"to", `"+99912345678"`, true, false},
	{"to", `""`, true, true},
	{"to", `14155550123`, true, true},
	{"to", `null`, true, true},
	{"goal", `"x"`, false, false},
	{"goal", `"` + strings.Repeat("é", 2000) + `"`, false, false},
	{"goal", `"` + strings.Repeat("é", 2001) + `"`, true, true},
	{"goal", `""`, true, true},
	{"goal", `"  "`, true, false},
	{"goal", `7`, true, true},
	{"durationMinutes", `5`, false, false},
	{"durationMinutes", `1440`, false, false},
	{"durationMinutes", `4`, true, true},
	{"durationMinutes", `1441`, true, true},
	{"durationMinutes", `30.5`, true, true},
	{"durationMinutes", `"30"`, true, true},
	{"timezone", `"Europe/Berlin"`, false, false},
	{"timezone", `"Mars/Olympus"`, true, false},
	{"timezone", `"Local"`, true, false},
	{"timezone", `""`, true, false},
	{"calleeTimezone", `"Asia/Tokyo"`, false, false},
	{"calleeTimezone", `"PST8PDT7"`, true, false},
	{"windowStart", `"2026-03-03T09:00:00-08:00"`, false, false},
	{"windowStart", `"2026-03-03T09:00:00"`, true, true},
	{"windowStart", `"tomorrow"`, true, true},
	{"windowEnd", `"2026-03-06T17:00:00-08:00"`, false, false},
	{"windowEnd", `"2026-03-01T17:00:00-08:00"`, true, false},
	{"windowEnd", `"2026-03-02T17:10:00Z"`, true, false},
	{"workingHours", `{"start":"08:00","end":"24:00","days":[0,6]}`, false, false},
	{"workingHours", `{"start":"17:00","end":"09:00","days":[1]}`, true, false},
	{"workingHours", `{"start":"9:00","end":"17:00","days":[1]}`, true, true},
	{"workingHours", `{"start":"09:00","end":"17:00","days":[7]}`, true, true},
	{"workingHours", `{"start":"09:00","end":"17:00","days":[]}`, true, true},
	{"workingHours", `{"start":"09:00","end":"17:00"}`, true, true},
	{"workingHours", `{"start":"09:00","end":"17:00","days":[1],"zone":"x"}`, true, true},
	{"workingHours", `"always"`, true, true},
	{"occupiedTimeslots", `[{"start":"2026-03-03T09:00:00Z","end":"2026-03-03T10:00:00Z"}]`, false, false},
	{"occupiedTimeslots", `[{"start":"2026-03-03T09:00:00Z","end":"2026-03-03T09:00:00Z"}]`, true, false},
	{"occupiedTimeslots", `[{"start":"2026-03-03T09:00:00Z"}]`, true, true},
	{"occupiedTimeslots", `[{"start":"x","end":"y"}]`, true, true},
	{"occupiedTimeslots", `{}`, true, true},
	{"calendarId", `"work"`, false, false},
	{"calendarId", `""`, true, true},
	{"userName", `"` + strings.Repeat("n", 120) + `"`, false, false},
	{"userName", `"` + strings.Repeat("n", 121) + `"`, true, true},
	{"calleeName", `"` + strings.Repeat("n", 121) + `"`, true, true},
	{"origin", `{"agentId":"a","sessionKey":"s","channel":"c","to":"t","accountId":"i"}`, false, false},
	{"origin", `{"agent":"a"}`, true, true},
	{"origin", `{"channel":7}`, true, true},
	{"metadata", `{"a":"b"}`, false, false},
	{"metadata", `{"a":1}`, true, true},
	{"metadata", `{` + strings.TrimSuffix(strings.Repeat(`"KEY":"v",`, 16), ",") + `,"q":"v"}`, true, true},
	{"windowstart", `"2026-03-03T09:00:00Z"`, true, true},
	{"speed", `1`, true, true},
}

// withField is the minimal request with one field set.
func withField(t *testing.T, field, value string) string {
	t.Helper()
	for i := byte('a'); strings.Contains(value, `"KEY"`); i++ { // sixteen different keys
		value = strings.Replace(value, `"KEY"`, `"`+string(i)+`"`, 1)
	}
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(minimal), &m); err != nil {
		t.Fatal(err)
	}
	m[field] = json.RawMessage(value)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryFieldHasItsRule(t *testing.T) {
	schema := schemaOf(t, Tools()[0])
	for _, rule := range fieldRules {
		d := newDesk(t)
		body := withField(t, rule.field, rule.value)
		w := d.post(callPath, "full", body)
		name := rule.field + " = " + rule.value[:min(len(rule.value), 60)]
		switch {
		case !rule.fault && w.Code != 200:
			t.Errorf("%s was refused: %s", name, w.Body)
		case rule.fault && w.Code != 400:
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		case rule.fault:
			if f := d.failure(w).Error.Fields; f[rule.field] == "" || len(f) != 1 {
				t.Errorf("%s: the faults are %v", name, f)
			}
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err != nil) != rule.schema {
			t.Errorf("%s: the schema says %v", name, err)
		}
	}
}

func TestRequiredFieldsAreAllNamedAtOnce(t *testing.T) {
	d := newDesk(t)
	got := slices.Sorted(maps.Keys(d.failure(d.post(callPath, "full", `{}`)).Error.Fields))
	if !slices.Equal(got, []string{"durationMinutes", "goal", "to"}) {
		t.Errorf("named %v", got)
	}
}

func TestWithoutADefaultTheZoneIsRequired(t *testing.T) {
	d := newDesk(t)
	d.service.Defaults.Timezone = ""
	if f := d.failure(d.post(callPath, "full", minimal)).Error.Fields["timezone"]; !strings.Contains(f, "defaults.timezone") {
		t.Errorf("%q does not name both", f)
	}
}

func TestOurOwnNumberIsForbidden(t *testing.T) {
	d := newDesk(t)
	if w := d.post(callPath, "full", strings.Replace(minimal, "0123", "0100", 1)); w.Code != 403 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBodiesThatAreNoRequest(t *testing.T) {
	for _, body := range []string{"", "null", "[]", "7", `"x"`, "{", minimal + minimal, minimal + "x", "\xff", `{"to":"\ud800"`} {
		d := newDesk(t)
		if w := d.post(callPath, "full", body); w.Code != 400 || d.failure(w).Error.Code != "invalid_request" {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"callId":null}`, `{"callId":""}`, `{"callId":"a","x":1}`, `{"callId":"` + strings.Repeat("a", 129) + `"}`} {
		d := newDesk(t)
		if w := d.post(statPath, "full", body); w.Code != 400 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
}

// Everything that a schema's example shows must be accepted by the decoder.
func TestExamplesOfTheSchemaAreAccepted(t *testing.T) {
	var schema struct {
		Properties map[string]struct{ Examples []json.RawMessage }
	}
	if err := json.Unmarshal(Tools()[0].InputSchema, &schema); err != nil {
		t.Fatal(err)
	}
	all := map[string]json.RawMessage{}
	for field, p := range schema.Properties {
		if len(p.Examples) > 0 {
			all[field] = p.Examples[0]
		}
	}
	body, err := json.Marshal(all)
	if err != nil || len(all) < 8 {
		t.Fatal(len(all), err)
	}
	if w := newDesk(t).post(callPath, "full", string(body)); w.Code != 200 {
		t.Errorf("%s\n%s", body, w.Body)
	}
	schemaOf(t, Tools()[1])
}

func FuzzCallAgent(f *testing.F) {
	f.Add(minimal, "k")
	for _, r := range fieldRules {
		f.Add(`{"to":"+14155550123","goal":"g","durationMinutes":30,"`+r.field+`":`+r.value+`}`, "")
	}
	f.Add(`{"to":"+911","goal":"\ud800","durationMinutes":1e3}`, "\x00")
	f.Fuzz(func(t *testing.T, body, key string) {
		d := newDesk(t)
		for _, path := range []string{callPath, statPath} {
			w := d.post(path, "full", body, "Idempotency-Key", key)
			if w.Code == 200 {
				continue
			}
			if w.Code < 400 || w.Code >= 500 {
				t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
			}
			d.failure(w)
		}
	})
}
