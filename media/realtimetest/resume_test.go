package realtimetest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/speech"
)

// tell adds items of a conversation that was held before.
func (c *client) tell(items ...string) {
	c.t.Helper()
	for _, item := range items {
		c.send(`{"type":"conversation.item.create","item":` + item + `}`)
		c.until("conversation.item.done")
	}
}

func quoted1(text string) string { b, _ := json.Marshal(text); return string(b) }

func user(text string) string {
	return `{"type":"message","role":"user","content":[{"type":"input_text","text":` + quoted1(text) + `}]}`
}

func assistant(text string) string {
	return `{"type":"message","role":"assistant","content":[{"type":"output_text","text":` + quoted1(text) + `}]}`
}

// untilOffer is the scenario books as far as the offer.
var untilOffer = []string{
	user("Hello?"), assistant("Hello, this is an AI assistant calling on behalf of Alex Morgan."),
	`{"type":"message","role":"system","content":[{"type":"input_text","text":"Say why you call."}]}`, assistant(speech.LineBusiness),
	user("Yes, how can I help you?"), assistant(speech.LineChecking),
	`{"type":"function_call","call_id":"c1","name":"calendar_find_slots","arguments":"{}"}`,
	`{"type":"function_call_output","call_id":"c1","output":` + quoted1(freeCalendar(toolFind, "")) + `}`,
}

func TestAConversationIsResumedFromItsHistory(t *testing.T) {
	offer := "How about monday the second of march at one p m? Would that suit you?"
	for name, test := range map[string]struct {
		items []string
		says  string
	}{
		"what the tool found":        {untilOffer, offer},
		"half an offer":              {append(slices.Clone(untilOffer), assistant("How about monday")), offer},
		"an answer to the offer":     {append(slices.Clone(untilOffer), assistant(offer), user("Yes, that suits me.")), "So that is monday the second of march at one p m"},
		"the hello alone":            {untilOffer[:1], "Hello, this is an AI assistant"},
		"a preamble without a call":  {untilOffer[:6], speech.LineChecking},
		"a call made, not announced": {append(slices.Clone(untilOffer[:5]), untilOffer[6], untilOffer[7]), offer},
	} {
		t.Run(name, func(t *testing.T) {
			s, url, _ := started(t, scripted(t, "books"))
			c := dial(t, url)
			c.configure(pcmuFormat, autoVAD)
			c.tell(test.items...)
			c.send(`{"type":"response.create"}`)
			c.until("response.done")
			if !strings.Contains(c.said(), test.says) {
				t.Errorf("it says %q, want %q", c.said(), test.says)
			}
			wantNoViolation(t, s)
		})
	}
}

func TestATurnAfterTheHistoryIsTheNextOne(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.tell(append(slices.Clone(untilOffer), assistant("How about monday the second of march at one p m? Would that suit you?"))...)
	c.play("Yes, that suits me.")
	c.until("response.done")
	if !strings.Contains(c.said(), "So that is monday") {
		t.Errorf("it says %q, want the slot read back", c.said())
	}
	wantNoViolation(t, s)
}

func TestAHistoryThatIsNoneIsRefused(t *testing.T) {
	s, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.loud = true
	for name, item := range map[string]string{
		"assistant audio":        `{"type":"message","role":"assistant","content":[{"type":"output_audio","audio":"AAAA","transcript":"x"}]}`,
		"assistant input":        `{"type":"message","role":"assistant","content":[{"type":"input_text","text":"x"}]}`,
		"user output":            `{"type":"message","role":"user","content":[{"type":"output_text","text":"x"}]}`,
		"no text":                `{"type":"message","role":"assistant","content":[{"type":"output_text"}]}`,
		"an output without call": `{"type":"function_call_output","call_id":"none","output":"{}"}`,
		"an unknown member":      `{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}],"heard_ms":7}`,
	} {
		before := len(s.Violations())
		c.send(`{"type":"conversation.item.create","item":` + item + `}`)
		c.until("error")
		if len(s.Violations()) != before+1 {
			t.Errorf("%s was taken", name)
		}
	}
	c.tell(assistant("Hello, this is an AI assistant."), user("I never said this."))
	before := len(s.Violations())
	c.send(`{"type":"response.create"}`)
	c.until("response.done")
	if len(s.Violations()) != before+1 {
		t.Error("words that the callee never said were taken")
	}
}

func TestASessionHasALifetime(t *testing.T) {
	script := scripted(t, "books")
	script.Lifetime = 1500 * time.Millisecond
	_, url, _ := started(t, script)
	c := dial(t, url)
	created := c.until("session.created")
	var session struct {
		ExpiresAt int64 `json:"expires_at"`
	}
	if err := json.Unmarshal(created.Session, &session); err != nil || time.Until(time.Unix(session.ExpiresAt, 0)) > script.Lifetime {
		t.Errorf("expires_at %d (%v)", session.ExpiresAt, err)
	}
	c.loud = true
	if e := c.until("error"); e.Error.Code != "session_expired" {
		t.Errorf("error %+v", e.Error)
	}
	if _, err := c.read(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("closed with %v", err)
	}
}

func TestFaultsOfAResumedConversationBeginWithItsHistory(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.DieInResponse, script.Resumed.DieAfterCall = 1, toolFind
	_, url, _ := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.tell(untilOffer[:5]...)
	c.send(`{"type":"response.create"}`)
	c.until("response.function_call_arguments.done")
	for {
		if e, err := c.read(); err != nil {
			break
		} else if e.Type == "response.done" {
			t.Fatal("the response was finished")
		}
	}
}
