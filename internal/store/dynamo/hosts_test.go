package dynamo

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func TestMediaHostsAreReadAsTheyReported(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	h := NewHosts(optionsFor(c, newTableFor(t, c)))
	report := func(url string, room int, at time.Time) HostReport {
		r := HostReport{URL: url, Room: room, ModelOK: room%2 == 0, ModelWords: "the key is not accepted", Draining: room == 3, Config: "c0ffee", Version: "1.2.3", At: at}
		if err := h.Report(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	now := storetest.Base
	a := report("wss://a.example", 7, now)
	report("wss://old.example", 9, now.Add(-time.Minute))
	b := report("wss://b.example:8443/x", 3, now.Add(-time.Second))
	report("wss://a.example", 1, now.Add(-2*time.Second)) // late
	urls := []string{"wss://b.example:8443/x", "wss://never.example", "wss://a.example", "wss://old.example", "wss://a.example"}
	got, err := h.Fresh(t.Context(), urls, now.Add(-30*time.Second))
	if err != nil || !slices.Equal(got, []HostReport{b, a}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := h.Fresh(t.Context(), nil, now); err != nil || got != nil {
		t.Errorf("of no hosts: %+v, %v", got, err)
	}
	a = report("wss://a.example", 2, now.Add(time.Second))
	if got, err := h.Fresh(t.Context(), urls, now); err != nil || !slices.Equal(got, []HostReport{a}) {
		t.Errorf("after a newer report: %+v, %v", got, err)
	}
	var many []string
	for i := range 2*batch + 5 {
		many = append(many, fmt.Sprint("wss://many", i))
	}
	report(many[len(many)-1], 4, now)
	if got, err := h.Fresh(t.Context(), many, now); err != nil || len(got) != 1 || got[0].Room != 4 {
		t.Errorf("of %d hosts: %+v, %v", len(many), got, err)
	}
}

func TestAReportPastItsTimeIsNotSeen(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	o := optionsFor(c, newTableFor(t, c))
	o.Now = func() time.Time { return storetest.Base.Add(hostKeep + time.Second) }
	h := NewHosts(o)
	if err := h.Report(t.Context(), HostReport{URL: "wss://a", At: storetest.Base}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Fresh(t.Context(), []string{"wss://a"}, storetest.Base); err != nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}
