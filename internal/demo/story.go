package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// who is a party of the story, as the left column names it.
type who string

// story tells what happens, as it happens, and keeps it for timeline.json. It may be
// told to from many goroutines.
type story struct {
	out   io.Writer
	start time.Time
	color bool

	mu     sync.Mutex
	events []told
}

// told is one line of the story.
type told struct {
	AtMS int64  `json:"atMs"`
	Who  who    `json:"who"`
	What string `json:"what"`
}

func newStory(out io.Writer, start time.Time) *story {
	s := &story{out: out, start: start}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		s.color = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
	}
	return s
}

// colors of the parties on a terminal (SGR codes).
var colors = map[who]string{"agent": "36", "callee": "33", "model": "35", "desk": "35", "calendar": "32", "twilio": "90", "clawdbot": "34"}

func (s *story) say(by who, format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Since(s.start)
	text := strings.ReplaceAll(fmt.Sprintf(format, a...), "\n", " ")
	s.events = append(s.events, told{AtMS: at.Milliseconds(), Who: by, What: text})
	name := fmt.Sprintf("%-9s", by)
	if c := colors[by]; s.color && c != "" {
		name = "\x1b[" + c + "m" + name + "\x1b[0m"
	}
	fmt.Fprintf(s.out, "%6.2fs  %s %s\n", at.Seconds(), name, text)
}

func (s *story) announce(p play, o Options) {
	fmt.Fprintf(s.out, "Scenario %q: %s.\n", p.name, p.about)
	if o.Model == modelOpenAI {
		fmt.Fprintf(s.out, "The model is OpenAI's, with your key: at the most %v of audio both ways, about $0.30 at the prices of November 2026.\n"+
			"The callee is recorded and cannot understand it. This way was never tried live.\n\n", longest)
		return
	}
	fmt.Fprint(s.out, "The model is simulated (MODEL=openai uses the real one, with a key). So are the phone company and the callee.\n"+
		"Everything between them is the real thing: audio, wire protocols, calendar, record, notification.\n\n")
}

// line tells what the phone company sees.
func (s *story) line(m twiliotest.Moment) {
	switch m.Kind {
	case twiliotest.CalleeSpeaks:
		if m.Text != "" {
			s.say(who("callee"), "“%s”", m.Text)
		}
	case twiliotest.MachineVerdict:
		if m.Text != "human" {
			s.say(who("twilio"), "recognises an answering machine: %s", m.Text)
		}
	case twiliotest.Cleared, twiliotest.Ringing, twiliotest.Answered, twiliotest.StreamStarted, twiliotest.HungUp, twiliotest.Ended, twiliotest.StreamStopped, twiliotest.Said:
		s.say(who("twilio"), "%s", strings.TrimSpace(strings.ReplaceAll(string(m.Kind), "_", " ")+" "+m.Text))
	default:
	}
}

// calendar tells what the calendar is asked and answers.
func (s *story) calendar(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &answerRecorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		var a struct {
			OK        bool
			EventID   string
			Slots     []json.RawMessage
			Conflicts []json.RawMessage
		}
		_ = json.Unmarshal(rec.body.Bytes(), &a) // an answer that is no JSON tells itself below
		call := strings.TrimPrefix(r.URL.Path, "/calendar/")
		switch {
		case rec.status >= http.StatusInternalServerError:
			s.say(who("calendar"), "%s: %d", call, rec.status)
		case !a.OK:
			s.say(who("calendar"), "%s: refused", call)
		case a.EventID != "":
			s.say(who("calendar"), "%s: event %s", call, a.EventID)
		case call == "find-slots":
			s.say(who("calendar"), "%s: %d free", call, len(a.Slots))
		default:
			s.say(who("calendar"), "%s: %d conflicts", call, len(a.Conflicts))
		}
	})
}

// answerRecorder keeps a copy of an answer.
type answerRecorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader passes on and copies.
func (r *answerRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write passes on and copies.
func (r *answerRecorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// verdict prints the result: event, notification, what was stated, and the files.
func (s *story) verdict(dir string, end ending, checks []check) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\nstatus %s, outcome %s\n", end.call.Status, end.call.Outcome)
	if e := end.call.Event; e != nil {
		fmt.Fprintf(s.out, "event  %s, %s\n", e.Start.Format("Monday, 2 January 2006, 15:04"), e.Timezone)
	}
	failed := 0
	for _, c := range checks {
		mark := "ok  "
		if c.problem != "" {
			mark, failed = "FAIL", failed+1
		}
		fmt.Fprintf(s.out, "  %s %s%s\n", mark, c.states, c.because())
	}
	fmt.Fprintf(s.out, "files  %s: call.wav (callee left, agent right), timeline.json, result.json, notification.json, calendar.ics, server.log\n", dir)
	if failed > 0 {
		return fmt.Errorf("%w: %d of %d checks failed", ErrFailed, failed, len(checks))
	}
	return nil
}
