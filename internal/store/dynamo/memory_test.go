package dynamo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func known(id call.ID, version int64) record {
	c := storetest.NewCall(string(id), "+4930100001")
	c.Version = version
	return record{call: c, raw: []byte("{}"), writer: fmt.Sprint(version)}
}

func TestWhatIsRemembered(t *testing.T) {
	var m memory
	if _, found := m.of("a", 1); found {
		t.Error("something out of nothing")
	}
	m.keep(known("a", 2))
	m.keep(known("a", 1)) // came late
	if r, found := m.of("a", 2); !found || r.writer != "2" {
		t.Errorf("%+v, %t", r, found)
	}
	for _, version := range []int64{1, 3} {
		if _, found := m.of("a", version); found {
			t.Errorf("version %d is known", version)
		}
	}
	large := known("a", 3)
	large.raw = []byte(strings.Repeat("x", longestRemember+1))
	m.keep(large)
	mortal := known("b", 1)
	mortal.mortal = true
	m.keep(mortal)
	if len(m.all) != 0 {
		t.Errorf("%d records", len(m.all))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	for n := range 3 * remembered {
		m.keep(known(call.ID(fmt.Sprint(n)), 1))
		if n%7 == 0 {
			m.forget(call.ID(fmt.Sprint(n)))
		}
	}
	if len(m.all) > remembered {
		t.Errorf("%d records, at most %d", len(m.all), remembered)
	}
	if _, found := m.of(call.ID(fmt.Sprint(3*remembered-1)), 1); !found {
		t.Error("the newest is gone")
	}
	if _, found := m.of("1", 1); found {
		t.Error("the oldest is there")
	}
}

// What is remembered is no one's to change.
func TestMemoryIsACopy(t *testing.T) {
	var m memory
	r := known("a", 1)
	r.call.Attempts = []call.Attempt{{Number: 1}}
	m.keep(r)
	r.call.Attempts[0].Number = 9
	if got, _ := m.of("a", 1); got.call.Attempts[0].Number != 1 {
		t.Error("it changed")
	}
}
