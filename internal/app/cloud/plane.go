package cloud

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/httpapi"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// Plane is what one document makes of the control plane. It is immutable and safe for
// concurrent use; a changed document makes another.
type Plane struct {
	Document

	Service *call.Service
	Log     *slog.Logger
	rooms   *rooms
}

// Needs are what one function needs beside what all do. Each costs size or a permission.
type Needs struct {
	// Scheduler makes the function's alarm clocks, nil for none: the sweep finds what it changes.
	Scheduler func(Environment, *slog.Logger) call.Scheduler
	// Archive reads what is kept outside the table; nil in functions that do not.
	Archive func(Environment) call.Archive
	// Numbers and Countries are for functions that place calls.
	Numbers   call.Numbers
	Countries func(number string) []string
	// Now is nil for the wall clock.
	Now func() time.Time
	Log *slog.Logger
}

// NewPlane composes; it starts nothing and asks nothing of AWS.
func NewPlane(e Environment, d Document, n Needs) (*Plane, error) {
	if n.Now == nil {
		n.Now = time.Now
	}
	phone, err := wiring.Twilio(d.Config)
	if err != nil {
		return nil, err
	}
	table := e.TableOptions(n.Now, time.Duration(d.Config.RetentionDays)*24*time.Hour)
	p := &Plane{Document: d, Log: n.Log, rooms: &rooms{hosts: dynamo.NewHosts(table), urls: d.Config.Stream.Hosts, now: n.Now}}
	var clock call.Scheduler = noClock{}
	if n.Scheduler != nil {
		clock = n.Scheduler(e, n.Log)
	}
	var kept call.Archive
	if n.Archive != nil {
		kept = n.Archive(e)
	}
	p.Service, err = wiring.Service(d.Config, wiring.Parts{
		Store: dynamo.New(table), Telephony: phone, Scheduler: clock, Media: p.rooms, Archive: kept,
		Numbers: n.Numbers, Countries: n.Countries, Now: n.Now, Log: n.Log,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// noClock is the scheduler of a function that may make no schedule.
type noClock struct{}

// Wake does nothing: the minute's sweep is the guarantee, everywhere.
func (noClock) Wake(context.Context, call.ID, int, time.Time) error { return nil }

// Webhooks are the provider's webhooks and the health checks over the plane.
func (p *Plane) Webhooks() http.Handler {
	return httpapi.New(httpapi.Options{
		Service: p.Service, PublicURL: p.Config.Server.PublicBaseURL, Log: p.Log, ConfigHash: p.Hash,
		Ready: []httpapi.Check{{Name: "media", Probe: p.rooms.ready}},
	})
}
