package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

// owners are those who are told: a hook that fails now and then, before it has taken a
// notice and after. As contract section 4 has it, a notice that comes again under its key
// is the same notice; so told once means one key, and the same words under it.
type owners struct {
	fate fate
	mu   sync.Mutex
	told map[string]map[string]int // body by key, and how often it came
}

func (o *owners) Compose(n call.NoticeContent) ([]byte, error) { return json.Marshal(n) }

func (o *owners) Send(_ context.Context, key string, body []byte) error {
	lost := &call.NotifyError{Retry: true, Err: errors.New("the answer was lost")}
	if o.fate.of(15) {
		return lost
	}
	o.mu.Lock()
	if o.told == nil {
		o.told = map[string]map[string]int{}
	}
	if o.told[key] == nil {
		o.told[key] = map[string]int{}
	}
	o.told[key][string(body)]++
	o.mu.Unlock()
	if o.fate.of(10) {
		return lost
	}
	return nil
}

// judge holds what the call's owner was told against its record.
func (o *owners) judge(t *testing.T, c call.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := 0
	for key, bodies := range o.told {
		for body := range bodies {
			if !strings.Contains(body, string(c.ID)) {
				continue
			}
			keys++
			booked := strings.Contains(body, "Appointment booked")
			if booked != (c.Outcome == call.Booked) {
				t.Errorf("call %s is %s, and its owner was told: %s", c.ID, c.Outcome, body)
			}
			if key != c.Notice.Key {
				t.Errorf("call %s was told under another key than its own", c.ID)
			}
		}
	}
	if keys != 1 {
		t.Errorf("the owner of call %s was told %d things", c.ID, keys)
	}
}
