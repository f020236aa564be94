package telephonytest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/clawdbot/call-agent/call"
)

// crowd is how many do everything at once.
const crowd = 16

// together: every method at the same time, for the race detector; no call is mixed up
// with another.
func together(r *rig) {
	var mu sync.Mutex
	ids := map[string]string{}
	r.crowd(func(n int) error {
		to := fmt.Sprintf("+141555501%02d", n)
		started, err := r.phone.StartCall(r.Context(), dial(to, n))
		if err != nil {
			return err
		}
		mu.Lock()
		ids[started.ProviderCallID] = to
		mu.Unlock()
		report, found, err := r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: started.ProviderCallID})
		if err != nil || !found || report.ProviderCallID != started.ProviderCallID {
			return fmt.Errorf("%+v %t: %w", report, found, err)
		}
		return errors.Join(r.webhooks(), r.phone.EndCall(r.Context(), started.ProviderCallID))
	})
	_, creates := r.wire.asked()
	numbers := map[string]bool{}
	for _, c := range creates {
		numbers[c.To] = true
	}
	if len(ids) != crowd || len(creates) != crowd || len(numbers) != crowd {
		r.Errorf("%d calls: %d ids, %d creates to %d numbers", crowd, len(ids), len(creates), len(numbers))
	}
}

// togetherWithout is together for a provider without a carrier.
func togetherWithout(r *rig) {
	r.crowd(func(n int) error {
		started, err := r.phone.StartCall(r.Context(), dial(callee, n))
		if err != nil {
			return err
		}
		_, _, err = r.phone.LookUp(r.Context(), call.LookUp{ProviderCallID: started.ProviderCallID})
		return errors.Join(err, r.webhooks(), r.phone.EndCall(r.Context(), started.ProviderCallID))
	})
}

// webhooks uses what a webhook uses.
func (r *rig) webhooks() error {
	_, _, err := r.phone.VoiceResponse(connect)
	_, _ = r.phone.Name(), r.phone.Routes()
	if r.v.lacks(Webhooks) {
		return err
	}
	h := r.voiceHook()
	req, body := h.request(r.v.Sign)
	_, mapErr := r.phone.MapStatus(h.form)
	return errors.Join(err, mapErr, r.phone.ValidateRequest(req, body, publicURL))
}

func (r *rig) crowd(do func(n int) error) {
	var tasks sync.WaitGroup
	for n := range crowd {
		tasks.Go(func() {
			if err := do(n + 1); err != nil {
				r.Error(err)
			}
		})
	}
	tasks.Wait()
}
