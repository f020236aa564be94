package realtimetest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/speech"
)

func TestBooksIsHeldToItsEnd(t *testing.T) {
	for _, format := range []string{pcmuFormat, pcmFormat, `{"type":"audio/pcma"}`} {
		t.Run(format, func(t *testing.T) {
			s, url, _ := started(t, scripted(t, "books"))
			c := dial(t, url)
			c.format = audioFormat{Type: strings.Split(format, `"`)[3]}
			c.configure(format, autoVAD)
			c.hold(scripted(t, "books").Scenario)
			want := []string{
				toolFind + " {}",
				toolBook + ` {"start":"` + firstSlot + `","title":"Appointment"}`,
				toolEnd + ` {"reason":"booked","summary":"The call ended as booked."}`,
			}
			if !slices.Equal(c.calls, want) {
				t.Fatalf("calls %q, want %q", c.calls, want)
			}
			for _, words := range []string{
				"Hello, this is an AI assistant calling on behalf of Alex Morgan. " + speech.LineBusiness,
				"How about monday the second of march at one p m? Would that suit you?",
				"So that is monday the second of march at one p m pacific time. Is that right?",
				speech.LineBooked,
			} {
				if !strings.Contains(c.said(), words) {
					t.Errorf("never said %q; said %s", words, c.said())
				}
			}
			wantNoViolation(t, s)
		})
	}
}

func TestCounterChecksWhatTheCalleeNamed(t *testing.T) {
	s, url, _ := started(t, scripted(t, "counter"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.hold(scripted(t, "counter").Scenario)
	want := []string{
		toolFind + " {}", toolCheck + ` {"start":"2026-03-05T11:00:00-08:00"}`,
		toolBook + ` {"start":"2026-03-05T11:00:00-08:00","title":"Appointment"}`,
		toolEnd + ` {"reason":"booked","summary":"The call ended as booked."}`,
	}
	if !slices.Equal(c.calls, want) {
		t.Fatalf("calls %q, want %q", c.calls, want)
	}
	if !strings.Contains(c.said(), speech.LineBooked) {
		t.Errorf("the farewell after end_call was not said: %s", c.said())
	}
	wantNoViolation(t, s)
}

func TestTheModelActsOnWhatTheToolsAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		scenario string
		answer   func(string, string) string
		last     string
		said     string
	}{
		"refusal":         {"refuses", freeCalendar, `{"reason":"refused"`, speech.LineUnderstood},
		"bridge down":     {"bridge-down", func(string, string) string { return `{"error":"the calendar does not answer"}` }, `{"reason":"callback"`, speech.LineBridgeDown},
		"nothing free":    {"books", func(string, string) string { return `{"slots":[]}` }, `{"reason":"callback"`, speech.LineNoSlots},
		"spoken by tools": {"books", spokenCalendar, `{"reason":"booked"`, "How about tuesday at three p m?"},
		"taken since":     {"books", takenOnce(), `{"reason":"booked"`, speech.LineNotBooked},
	} {
		t.Run(name, func(t *testing.T) {
			s, url, _ := started(t, scripted(t, test.scenario))
			c := dial(t, url)
			c.answer = test.answer
			c.configure(pcmuFormat, autoVAD)
			scenario := scripted(t, test.scenario).Scenario
			scenario.Turns = append(scenario.Turns, speech.Turn{Say: "Yes."}, speech.Turn{Say: "Yes."})
			c.hold(scenario)
			if last := c.calls[len(c.calls)-1]; !strings.HasPrefix(last, toolEnd+" "+test.last) {
				t.Errorf("the last call is %s, want end_call %s", last, test.last)
			}
			if !strings.Contains(c.said(), test.said) {
				t.Errorf("never said %q: %s", test.said, c.said())
			}
			wantNoViolation(t, s)
		})
	}
}

func spokenCalendar(name, args string) string {
	if name == toolFind {
		return `{"slots":[{"start":"2026-03-03T15:00:00-08:00","end":"2026-03-03T15:30:00-08:00","spoken":"tuesday at three p m"}]}`
	}
	return freeCalendar(name, args)
}

func takenOnce() func(string, string) string {
	tries := 0
	return func(name, args string) string {
		if name == toolBook {
			if tries++; tries == 1 {
				return `{"error":"that time was taken in the meantime"}`
			}
		}
		return freeCalendar(name, args)
	}
}

func TestAPersonIsUnderstoodByCounting(t *testing.T) {
	s, url, _ := started(t, scripted(t, "person"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	for _, words := range []string{"Who is this?", "Okay."} {
		c.play(words)
		if _, ended := c.settle(); ended {
			break
		}
	}
	if len(c.calls) != 3 || !strings.HasPrefix(c.calls[1], toolBook) {
		t.Fatalf("calls %q, want find, create, end", c.calls)
	}
	wantNoViolation(t, s)
}

func TestSilenceAsksAgain(t *testing.T) {
	_, url, _ := started(t, scripted(t, "person"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	c.play("Who is this?")
	c.settle()
	c.send(`{"type":"response.create"}`)
	c.until("response.done")
	if want := speech.LineStillThere + " How about monday"; !strings.Contains(c.said(), want) {
		t.Fatalf("never said %q: %s", want, c.said())
	}
}

func TestAHelloIsNoAnswer(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, strings.Replace(autoVAD, "}", `,"create_response":false,"interrupt_response":false}`, 1))
	c.play("Hello?")
	if e := c.until("conversation.item.input_audio_transcription.completed"); e.Words != "Hello?" {
		t.Fatalf("transcript %q, want the hello", e.Words)
	}
	c.greet()
	c.play("Yes, how can I help you?")
	if e := c.until("conversation.item.input_audio_transcription.completed"); e.Words != "Yes, how can I help you?" {
		t.Fatalf("transcript %q, want the first answer", e.Words)
	}
	c.send(`{"type":"response.create"}`)
	c.settle()
	if len(c.calls) != 1 || !strings.HasPrefix(c.calls[0], toolFind) {
		t.Fatalf("calls %q, want the slots asked for once", c.calls)
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	script := scripted(t, "books")
	for name, test := range map[string]struct {
		config Config
		header http.Header
		path   string
		status int
	}{
		"wrong key":       {Config{Key: "good"}, http.Header{"Authorization": {"Bearer bad"}}, "/realtime?model=m", 401},
		"no model":        {Config{}, nil, "/v1/realtime", 400},
		"elsewhere":       {Config{}, nil, "/v1/chat?model=m", 404},
		"scripted status": {Config{Script: func(int, *http.Request) Script { return Script{Faults: Faults{Status: 429}} }}, nil, "/realtime?model=m", 429},
	} {
		t.Run(name, func(t *testing.T) {
			if test.config.Script == nil {
				test.config.Script = func(int, *http.Request) Script { return script }
			}
			s := New(test.config)
			web := httptest.NewServer(s)
			defer web.Close()
			defer s.Close()
			_, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+test.path, test.header)
			if err == nil || response == nil || response.StatusCode != test.status {
				t.Fatalf("err %v, response %v, want status %d", err, response, test.status)
			}
			_ = response.Body.Close()
		})
	}
}

func TestTheBetaHeaderIsRefusedAsTheServiceDoes(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	ws, response, err := websocket.DefaultDialer.Dial(url, http.Header{"OpenAI-Beta": {"realtime=v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	_ = response.Body.Close()
	c := &client{t: t, ws: ws, loud: true}
	if e := c.until("error"); e.Error.Code != "beta_api_shape_disabled" {
		t.Fatalf("code %s", e.Error.Code)
	}
	if _, err := c.read(); !websocket.IsCloseError(err, 4000) {
		t.Fatalf("err %v, want close 4000", err)
	}
	if len(s.Violations()) != 1 {
		t.Fatalf("violations %v, want one", s.Violations())
	}
}

func TestCloseEndsEveryConnection(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.until("session.created")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.read(); err == nil {
		t.Fatal("the connection outlived Close")
	}
	_, response, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("a closed server answered %v, %v", response, err)
	}
	_ = response.Body.Close()
}
