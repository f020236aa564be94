package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/media"
)

// Keep is what is kept of sessions outside their records, and where. The zero value keeps nothing.
type Keep struct {
	To archive.Keeper
	archive.What
}

const (
	// writeEvery is how soon a reader sees what happened.
	writeEvery = time.Second
	// writesMost is about how many diaries write in a second, all calls' together. Where there
	// are more calls, each writes at every second beat only, or every third, and so on: a write
	// costs as much as passing on three frames, whatever there is to write.
	writesMost = 200
	// writeStep is in what steps calls begin to write: those of one step write at the same time.
	// The first write after a pause wakes the scheduler's monitor, which then looks around for
	// some milliseconds; 200 calls that each write at a time of their own keep it awake.
	writeStep = 20 * time.Millisecond
	// mostUnkept bounds the moments that wait to be written. When there are more, what
	// follows them is lost, and the timeline says that it is cut.
	mostUnkept = 4096
	// mostUntaped is how many messages of audio may be missing without a word: those that were
	// on their way when the stream began. There are 50 a second.
	mostUntaped = 50
	// abandonWithin bounds the look at the record, and what follows from it.
	abandonWithin = 10 * time.Second
)

// diary keeps one session's moments and sound. The session, under its lock, only hands
// them over; the diary's pulse, which begins with the stream, does the writing and
// whatever waiting that takes. A nil diary keeps nothing and has no pulse.
type diary struct {
	h     *Handler
	token call.StreamToken
	ctx   context.Context //nolint:containedctx // a diary lives exactly as long as the session whose context this is
	log   *slog.Logger
	tape  *media.Tape
	pulse pulse
	work  sync.WaitGroup

	// The pulse's own, until it has been stopped: the entry, once there is one, and that none
	// could be begun.
	entry archive.Entry
	none  bool
	sound []byte
	beats int

	mu      sync.Mutex
	began   time.Time
	moments []media.Moment
	cut     bool
}

// newDiary makes the diary of a session, nil where nothing is kept.
func (h *Handler) newDiary(ctx context.Context, t call.StreamToken, log *slog.Logger) *diary {
	if k := h.o.Keep; k.To == nil || !k.Timeline && !k.Recording {
		return nil
	}
	return &diary{h: h, token: t, ctx: ctx, log: log, tape: media.NewTape(h.o.Keep.Recording)}
}

// hears is the tape that the session is to write.
func (d *diary) hears() *media.Tape {
	if d == nil {
		return nil
	}
	return d.tape
}

// observe takes a moment down; it never waits for the writing.
func (d *diary) observe(m media.Moment) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut || len(d.moments) >= mostUnkept {
		d.cut = true
		return
	}
	d.moments = append(d.moments, m)
	if m.Kind == media.MomentStarted {
		d.began = m.At
		now := time.Now()
		d.pulse.start(now.Truncate(writeStep).Add(writeStep).Sub(now), writeEvery, &d.work, d.write)
	}
}

// write is the pulse's beat.
func (d *diary) write() (again bool) {
	if !d.begin() {
		return false
	}
	if every := 1 + (d.h.o.Sessions.Len()-1)/writesMost; d.beats%every == 0 {
		d.h.complain(d.ctx, d.flush(time.Now()))
	}
	d.beats++
	return true
}

// begin makes the entry, once; false where none could be made.
func (d *diary) begin() bool {
	if d.entry != nil || d.none {
		return !d.none
	}
	d.mu.Lock()
	began := d.began
	d.mu.Unlock()
	entry, err := d.h.o.Keep.To.Begin(d.ctx, d.token.CallID, d.token.Attempt, began, d.h.o.Keep.What)
	if err != nil {
		d.none = true
		d.h.complain(d.ctx, err)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.moments, d.cut = nil, true // nobody will write them
		return false
	}
	d.entry = entry
	return true
}

// flush writes what there is by now.
func (d *diary) flush(now time.Time) error {
	p, _ := pages.Get().(*page)
	defer p.giveBack()
	d.mu.Lock()
	p.moments, d.moments = d.moments, p.moments
	d.mu.Unlock()
	for _, m := range p.moments {
		p.lines = append(p.lines, lineOf(m, d.began))
	}
	var atMS int64
	if atMS, p.callee, p.agent = d.tape.Levels(now, p.callee, p.agent); len(p.callee) > 0 {
		p.lines = append(p.lines, call.Line{AtMS: atMS, Kind: call.LineLevels, Callee: p.callee, Agent: p.agent})
	}
	return errors.Join(d.entry.Append(d.ctx, p.lines), d.record(now))
}

// page is the lists that one write is made of. They are empty between writes, and any diary's:
// writes are short, and lists made for each were a fifth of the garbage of a call.
type page struct {
	moments       []media.Moment
	lines         []call.Line
	callee, agent []int
}

var pages = sync.Pool{New: func() any { return new(page) }}

// pageMost bounds the moments for which a page keeps room.
const pageMost = 256

func (p *page) giveBack() {
	if cap(p.moments) > pageMost || cap(p.lines) > pageMost {
		return
	}
	clear(p.moments) // nobody's words stay
	clear(p.lines)
	p.moments, p.lines, p.callee, p.agent = p.moments[:0], p.lines[:0], p.callee[:0], p.agent[:0]
	pages.Put(p)
}

// record adds to the recording. What a disk does not take is given to it again.
func (d *diary) record(now time.Time) error {
	d.sound = d.tape.Sound(now, d.sound)
	if len(d.sound) == 0 {
		return nil
	}
	if err := d.entry.Record(d.sound); err != nil {
		return err
	}
	d.sound = d.sound[:0]
	return nil
}

// close writes the rest of a session that is over, and waits for all that.
func (d *diary) close(out media.Outcome) {
	if d == nil {
		return
	}
	d.pulse.stop()
	d.work.Wait()
	if d.began.IsZero() || !d.begin() {
		return
	}
	err := d.flush(time.Now())
	end := archive.End{DurationMS: lasted(out).Milliseconds(), Cut: d.cut, Recorded: d.tape.Recording() && len(d.sound) == 0}
	d.h.complain(d.ctx, errors.Join(err, d.entry.Complete(d.ctx, end)))
	if n := d.tape.Lost(); n > mostUntaped {
		d.log.WarnContext(d.ctx, "some audio is not in what is kept of the call", "messages", n)
	}
	if h := d.h.o.Keep; h.Recording && !end.Recorded {
		d.log.WarnContext(d.ctx, "there is no recording of the call: not all of it could be written")
	}
	d.abandon()
}

// abandon takes back what was written of a call that was deleted meanwhile.
func (d *diary) abandon() {
	ctx, cancel := context.WithTimeout(d.ctx, abandonWithin)
	defer cancel()
	if _, err := d.h.o.Service.Store.Get(ctx, d.token.CallID); errors.Is(err, call.ErrNotFound) {
		d.h.complain(ctx, d.entry.Abandon(ctx))
	}
}

// complaints are about what can't be kept: a full disk is one fault, however many calls meet it.
type complaints struct {
	mu   sync.Mutex
	last time.Time
}

const complainEvery = time.Hour

// complain logs a fault of what is kept, once an hour. It is never the call's.
func (h *Handler) complain(ctx context.Context, err error) {
	if err == nil {
		return
	}
	h.complaints.mu.Lock()
	defer h.complaints.mu.Unlock()
	if now := time.Now(); h.complaints.last.IsZero() || now.Sub(h.complaints.last) >= complainEvery {
		h.complaints.last = now
		h.o.Log.ErrorContext(ctx, "what is said in calls is not kept, or not all of it; the calls go on. This is said once an hour", "error", err)
	}
}
