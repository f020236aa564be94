package call

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", name, got)
	}
}

// clockChange is the Saturday evening before the clocks change in California.
var clockChange = time.Date(2026, 3, 8, 4, 0, 0, 0, time.UTC)

func twoZones(c Call) Call {
	c.Request.CalleeTimezone = "America/New_York"
	return c
}

func TestTheBriefOfTheModel(t *testing.T) {
	c := newCall()
	said := DisclosureSentence("Hello, this is an AI assistant calling on behalf of {userName}.", c.Request.UserName)
	golden(t, "instructions-one-zone.txt", Instructions(c, said, clockChange))
	golden(t, "instructions-two-zones.txt", Instructions(twoZones(c), said, clockChange))
}

func TestTheModelsToolsAreStrictObjects(t *testing.T) {
	for _, tool := range ModelTools() {
		var s struct {
			Type                 string
			Properties           map[string]any
			AdditionalProperties *bool
		}
		if err := json.Unmarshal([]byte(tool.Schema), &s); err != nil || s.Type != "object" || s.AdditionalProperties == nil || *s.AdditionalProperties {
			t.Errorf("%s: %v", tool.Name, err)
		}
		for _, own := range []string{"calendarId", "calendarIds", "timezone", "durationMinutes", "attendees", "end", "idempotencyKey"} {
			if _, ok := s.Properties[own]; ok {
				t.Errorf("the model may set %s of %s", own, tool.Name)
			}
		}
	}
}

func TestTheDisclosureNamesTheOwnerWhereThereIsOne(t *testing.T) {
	const configured = "Hello, this is an AI assistant calling on behalf of {userName}."
	for name, want := range map[string]string{
		"Ann Lee": "Hello, this is an AI assistant calling on behalf of Ann Lee.", "": "Hello, this is an AI assistant.",
		" \n": "Hello, this is an AI assistant.", "https://x.example": "Hello, this is an AI assistant.",
	} {
		if got := DisclosureSentence(configured, name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	if got := DisclosureSentence("A robot speaks.", ""); got != "A robot speaks." {
		t.Errorf("a sentence that needs no name became %q", got)
	}
}

func TestZonesAreSaidAsPeopleSayThem(t *testing.T) {
	for zone, want := range map[string]string{"America/New_York": "New York time", "UTC": "universal time", "Etc/UTC": "universal time", "America/Argentina/Buenos_Aires": "Buenos Aires time"} {
		if got := ZoneWords(zone); got != want {
			t.Errorf("%s: %s", zone, got)
		}
	}
}

func TestWhatTheOwnerIsTold(t *testing.T) {
	talk := func() *path { return start(t, testRules()).claimed().intended().bound().streaming().greeted().spoken() }
	pending := talk().booking()
	pending = pending.do("", SessionEnded{Attempt: 1, StreamID: sid, Reason: EndUnclear, At: pending.next()}, Ticked{At: pending.at.Add(time.Hour)})
	var b strings.Builder
	for _, c := range []struct {
		name string
		call Call
	}{
		{"booked, one zone", talk().booking().booked().ended(EndBooked).call},
		{"booked, two zones", twoZones(talk().booking().booked().ended(EndBooked).call)},
		{"not booked", talk().ended(EndRefused).call},
		{"taken back", talk().booking().booked().revoked().ended(EndUnclear).call},
		{"answer unknown", twoZones(pending.call)},
	} {
		n := c.call.noticeContent()
		if n.Origin == nil || n.Origin.Channel != "signal" {
			t.Errorf("%s: the routing is lost", c.name)
		}
		b.WriteString(c.name + ":\n" + n.Message + "\n\n")
	}
	golden(t, "notices.txt", b.String())
	plain := talk().ended(EndRefused).call
	plain.Notice.Plain = true
	if !plain.noticeContent().Plain {
		t.Error("a plain notice does not say that it is plain")
	}
}

// No word of callee, model or goal stands in a notice.
func TestNoWordOfOthersReachesTheOwnersModel(t *testing.T) {
	c := start(t, testRules()).claimed().intended().bound().streaming().greeted().booking().booked().ended(EndBooked).call
	rapid.Check(t, func(t *rapid.T) {
		evil := func(label string) string { return "EVIL" + rapid.StringMatching(`[a-z]{1,8}`).Draw(t, label) }
		d := c.Clone()
		d.Outcome = rapid.SampledFrom([]Outcome{Booked, NotBooked, Unconfirmed}).Draw(t, "outcome")
		d.Request.Goal, d.LastError, d.Attempts[0].Error = evil("goal"), evil("error"), evil("attempt's error")
		d.Event.Title, d.Event.Description = evil("title"), evil("description")
		d.Report = &Report{Summary: evil("summary"), Reason: evil("reason"), NextSteps: []string{evil("step")}, Evidence: []Quote{{Quote: evil("quote")}}}
		d.Request.Metadata = map[string]string{evil("k"): evil("v")}
		if m := d.noticeContent().Message; strings.Contains(m, "EVIL") || strings.Contains(m, d.Request.To) || strings.Contains(m, "\n") {
			t.Fatal(m)
		}
	})
}

func TestNumbersAreMasked(t *testing.T) {
	for in, want := range map[string]string{"+14155550123": "+1******0123", "+112": "****", "": "", "+49301": "******"} {
		if got := MaskNumber(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestALoggedCallShowsNeitherNumberNorNameNorGoal(t *testing.T) {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "call", newCall())
	for _, secret := range []string{"4155550123", "Ann Lee", "dental", "Bright"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%s is logged: %s", secret, b.String())
		}
	}
	if !strings.Contains(b.String(), "call.call_id=call-1") {
		t.Error(b.String())
	}
}

func TestTheStatusDocument(t *testing.T) {
	p := start(t, priced(0.014)).claimed().intended().bound().reported(Busy, 1).claimed().intended().bound().streaming().greeted().spoken().booking().booked().ended(EndBooked)
	c := p.do("measured", Measured{Attempt: 2, StreamID: p.call.Attempts[1].StreamID, Measures: testMeasures(3), At: p.at},
		Reported{Attempt: 2, Report: ProviderReport{ProviderCallID: "CA2", Status: Completed, Sequence: 9, Minutes: 1}, At: p.at}).call
	b, err := json.MarshalIndent(c.Document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "document.json", string(b)+"\n")
}

func TestACloneSharesNothingThatAnEventChanges(t *testing.T) {
	c := newCall()
	d := c.Clone()
	d.Request.Metadata["ticket"], d.Request.Origin.To, d.Request.WorkingHours.Days[0] = "8", "eve", 6
	*d.NextAttemptAt = t0.Add(time.Hour)
	if c.Request.Metadata["ticket"] != "7" || c.Request.Origin.To != "ann" || c.Request.WorkingHours.Days[0] != 1 || !c.NextAttemptAt.Equal(t0) {
		t.Error("the original changed with its clone")
	}
}
