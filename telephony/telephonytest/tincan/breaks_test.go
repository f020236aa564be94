package tincan

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/telephonytest"
)

// broken is Tincan's provider with one thing wrong.
type broken struct {
	call.Telephony
	name     func() string
	start    func(context.Context, call.Dial) (call.Started, error)
	voice    func(call.VoiceReply) (string, []byte, error)
	validate func(*http.Request, []byte, string) error
	mapped   func(url.Values) (call.ProviderReport, error)
	routes   map[string]http.Handler
	end      func(context.Context, string) error
	lookUp   func(context.Context, call.LookUp) (call.ProviderReport, bool, error)
}

func (b *broken) Name() string                    { return b.name() }
func (b *broken) Routes() map[string]http.Handler { return b.routes }
func (b *broken) StartCall(ctx context.Context, d call.Dial) (call.Started, error) {
	return b.start(ctx, d)
}
func (b *broken) VoiceResponse(v call.VoiceReply) (string, []byte, error) { return b.voice(v) }
func (b *broken) ValidateRequest(r *http.Request, body []byte, base string) error {
	return b.validate(r, body, base)
}
func (b *broken) MapStatus(f url.Values) (call.ProviderReport, error) { return b.mapped(f) }
func (b *broken) EndCall(ctx context.Context, id string) error        { return b.end(ctx, id) }
func (b *broken) LookUp(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	return b.lookUp(ctx, q)
}

// spoil changes what an error of a create says.
func spoil(b *broken, how func(*call.DialError)) {
	start := b.start
	b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
		started, err := start(ctx, d)
		var e *call.DialError
		if errors.As(err, &e) {
			how(e)
		}
		return started, err
	}
}

// misread changes what a webhook says.
func misread(b *broken, how func(url.Values, *call.ProviderReport)) {
	mapped := b.mapped
	b.mapped = func(f url.Values) (call.ProviderReport, error) {
		r, err := mapped(f)
		if err == nil {
			how(f, &r)
		}
		return r, err
	}
}

// Each row is a defect that a provider may well have, and the part that must find it.
var defects = []struct {
	name, part string
	defect     func(*broken)
}{
	{"another name", "its name selects it", func(b *broken) { b.name = func() string { return "tin" } }},
	{"a route of ours", "its routes leave ours alone", func(b *broken) {
		b.routes = map[string]http.Handler{"POST /voice": http.NotFoundHandler()}
	}},
	{"a route that clashes", "its routes leave ours alone", func(b *broken) {
		b.routes = map[string]http.Handler{"/voice/{x}/y": http.NotFoundHandler(), "/tools/": http.NotFoundHandler()}
	}},
	{"two creates", "a create asks once, for exactly the call that was wanted", func(b *broken) {
		start := b.start
		b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
			_, _ = start(ctx, d)
			return start(ctx, d)
		}
	}},
	{"URLs mixed up", "a create asks once, for exactly the call that was wanted", func(b *broken) {
		start := b.start
		b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
			d.MachineURL = d.StatusURL
			return start(ctx, d)
		}
	}},
	{"a masked number", "a create asks once, for exactly the call that was wanted", func(b *broken) {
		start := b.start
		b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
			d.To = d.To[:4] + "*****"
			return start(ctx, d)
		}
	}},
	{"a 503 may be repeated", "what an error of a create means for the attempt", func(b *broken) {
		spoil(b, func(e *call.DialError) {
			if e.Kind == call.DialUnknown {
				e.Kind = call.DialRefusedForNow
			}
		})
	}},
	{"a number in an error", "what an error of a create means for the attempt", func(b *broken) {
		spoil(b, func(e *call.DialError) { e.Err = errors.New("cannot call +14155550123") })
	}},
	{"an error that is no DialError", "what an error of a create means for the attempt", func(b *broken) {
		b.start = func(context.Context, call.Dial) (call.Started, error) { return call.Started{}, errors.New("no.") }
	}},
	{"nothing sent is unknown", "a vendor who cannot be reached got nothing", func(b *broken) {
		spoil(b, func(e *call.DialError) { e.Kind = call.DialUnknown })
	}},
	{"a retry of its own", "a lost answer is never asked for again", func(b *broken) {
		start := b.start
		b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
			if started, err := start(ctx, d); err == nil {
				return started, nil
			}
			return start(ctx, d)
		}
	}},
	{"a context that is dropped", "a lost answer is never asked for again", func(b *broken) {
		start := b.start
		b.start = func(_ context.Context, d call.Dial) (call.Started, error) { return start(context.Background(), d) }
	}},
	{"Retry-After is dropped", "a refusal for now says how long", func(b *broken) {
		spoil(b, func(e *call.DialError) { e.RetryAfter = 0 })
	}},
	{"down twice is an error", "the line is put down, and once is enough", func(b *broken) {
		end, seen := b.end, map[string]bool{}
		b.end = func(ctx context.Context, id string) error {
			if seen[id] {
				return errors.New("already down")
			}
			seen[id] = true
			return end(ctx, id)
		}
	}},
	{"nothing is ever put down", "the line is put down, and once is enough", func(b *broken) {
		b.end = func(context.Context, string) error { return nil }
	}},
	{"an unheard hang-up is success", "a line that was not put down is an error", func(b *broken) {
		end := b.end
		b.end = func(ctx context.Context, id string) error { _ = end(ctx, id); return nil }
	}},
	{"foreign reports of look-ups", "a call is looked up by its id", func(b *broken) {
		lookUp := b.lookUp
		b.lookUp = func(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
			r, found, err := lookUp(ctx, q)
			r.Sequence = 0
			return r, found, err
		}
	}},
	{"a fault means not found", "not found is the vendor's word, never a fault's", func(b *broken) {
		lookUp := b.lookUp
		b.lookUp = func(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
			r, found, _ := lookUp(ctx, q)
			return r, found, nil
		}
	}},
	{"Exclude is ignored", "a call whose id was lost is found by number", func(b *broken) {
		lookUp := b.lookUp
		b.lookUp = func(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
			q.Exclude = nil
			return lookUp(ctx, q)
		}
	}},
	{"a genuine webhook is refused", "a genuine webhook is accepted, as often as it comes", func(b *broken) {
		b.validate = func(*http.Request, []byte, string) error { return errors.New("no") }
	}},
	{"everything is accepted", "a forged webhook is refused", func(b *broken) {
		b.validate = func(*http.Request, []byte, string) error { return nil }
	}},
	{"the path is not signed", "a webhook counts only where and as it was signed", func(b *broken) {
		validate := b.validate
		b.validate = func(r *http.Request, body []byte, base string) error {
			clone := r.Clone(r.Context())
			clone.URL.Path, clone.URL.RawQuery = "/voice", "callId=k3_Q-9&attempt=1"
			return validate(clone, body, base)
		}
	}},
	{"the base is the sender's", "Host and forwarded headers do not count", func(b *broken) {
		validate := b.validate
		b.validate = func(r *http.Request, body []byte, _ string) error { return validate(r, body, "https://"+r.Host) }
	}},
	{"busy is completed", "every status is mapped", func(b *broken) {
		misread(b, func(_ url.Values, r *call.ProviderReport) {
			if r.Status == call.Busy {
				r.Status = call.Completed
			}
		})
	}},
	{"the order is lost", "callbacks keep their order", func(b *broken) {
		misread(b, func(_ url.Values, r *call.ProviderReport) { r.Sequence = 0 })
	}},
	{"unsure is a machine", "a machine is told from a human", func(b *broken) {
		misread(b, func(f url.Values, r *call.ProviderReport) { r.Machine = f.Get("answered_by") != "human" })
	}},
	{"an account that is not there", "calls of other accounts are foreign", func(b *broken) {
		misread(b, func(_ url.Values, r *call.ProviderReport) { r.Foreign = true })
	}},
	{"a panic on no form", "garbage is no report", func(b *broken) {
		mapped := b.mapped
		b.mapped = func(f url.Values) (call.ProviderReport, error) { f.Set("x", "y"); return mapped(f) }
	}},
	{"a report that names nothing", "garbage is no report", func(b *broken) {
		b.mapped = func(url.Values) (call.ProviderReport, error) { return call.ProviderReport{Sequence: -1}, nil }
	}},
	{"no apology", "an answered call is told what to do", func(b *broken) {
		voice := b.voice
		b.voice = func(v call.VoiceReply) (string, []byte, error) {
			if v.Kind == call.VoiceApology {
				v.Kind = call.VoiceHangUp
			}
			return voice(v)
		}
	}},
	{"JSON that is none", "an answered call is told what to do", func(b *broken) {
		voice := b.voice
		b.voice = func(v call.VoiceReply) (string, []byte, error) {
			kind, body, err := voice(v)
			return kind, append(body, '}'), err
		}
	}},
	{"one id for all", "all at the same time", func(b *broken) {
		start := b.start
		b.start = func(ctx context.Context, d call.Dial) (call.Started, error) {
			started, err := start(ctx, d)
			started.ProviderCallID = "tc_0123456789abcdef"
			return started, err
		}
	}},
}

func TestTheSuiteFindsEveryDefect(t *testing.T) {
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			openBroken := func(t testing.TB) telephonytest.Vendor {
				v := open(t)
				whole := v.Open
				v.Open = func(base string) call.Telephony {
					p := whole(base)
					b := &broken{
						Telephony: p, name: p.Name, start: p.StartCall, voice: p.VoiceResponse, validate: p.ValidateRequest,
						mapped: p.MapStatus, end: p.EndCall, lookUp: p.LookUp,
					}
					d.defect(b)
					return b
				}
				return v
			}
			if fault, found := telephonytest.Breaks(t, d.part, openBroken); !found {
				t.Error("the suite did not notice")
			} else {
				t.Log(fault)
			}
		})
	}
	if fault, found := telephonytest.Breaks(t, "every status is mapped", open); found {
		t.Errorf("nothing is wrong, but: %s", fault)
	}
}
