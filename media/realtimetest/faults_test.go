package realtimetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/media/speech"
)

func TestBargeInEndsTheResponseAsTheServiceDoes(t *testing.T) {
	script := scripted(t, "books")
	script.Pace, script.Faults.LateDeltas = 8, 2
	s, url, _ := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.send(`{"type":"response.create"}`)
	item := c.until("response.output_audio.delta").ItemID
	c.play("Yes.")
	c.until("input_audio_buffer.speech_started")
	from := len(c.log)
	e := c.until("response.done")
	if e.Response.Status != "cancelled" || e.Response.Details.Reason != "turn_detected" || e.Response.Output[0].Status != "incomplete" {
		t.Fatalf("response %+v", e.Response)
	}
	if !slices.Contains(c.log[from:], "response.output_audio.delta") {
		t.Errorf("no delta came after speech_started: %v", c.log[from:])
	}
	c.until("response.output_audio.delta")
	c.until("response.output_audio.delta")
	c.send(`{"type":"conversation.item.truncate","item_id":"` + item + `","content_index":0,"audio_end_ms":40}`)
	c.until("conversation.item.truncated")
	wantNoViolation(t, s)
}

func TestSpeechOffsetsCountAppendedAudio(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.play("Hello?") // 2 s of silence first, 0.7 s after
	e := c.until("input_audio_buffer.speech_started")
	if e.StartMS < 1600 || e.StartMS > 1800 {
		t.Errorf("speech started at %d ms, want 300 ms before 2000", e.StartMS)
	}
	clip, _ := speech.Say(speech.Callee, "Hello?")
	end := 2000 + speech.Duration(clip).Milliseconds() + 500
	if e := c.until("input_audio_buffer.speech_stopped"); e.EndMS < end-150 || e.EndMS > end+40 {
		t.Errorf("speech stopped at %d ms, want about %d", e.EndMS, end)
	}
}

func TestSilenceAndClicksAreNoSpeech(t *testing.T) {
	d, config := &detector{rate: 8000}, &detection{Type: "server_vad"}
	loud := pcm.Tone(160, 8000, 500, 0.5)
	for i := range 100 {
		frame := make([]int16, 160)
		if i == 10 || i == 50 || i == 51 {
			frame = loud
		}
		if edges := d.feed(frame, config); len(edges) > 0 {
			t.Fatalf("frame %d: %v", i, edges)
		}
	}
}

func TestAudioIsTheClipToTheSample(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	item := c.greet().Response.Output[0].ID
	want, err := speech.Say(speech.Agent, c.words[item])
	if err != nil || !slices.Equal(want, c.audio[item]) {
		t.Fatalf("%d bytes were sent, want the %d of the clip (%v)", len(c.audio[item]), len(want), err)
	}
}

func TestPCMIsTheClipAtThreeTimesTheRate(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmFormat, autoVAD)
	item := c.greet().Response.Output[0].ID
	clip, _ := speech.Say(speech.Agent, c.words[item])
	got := pcm.Samples(nil, c.audio[item])
	if len(got) < 3*len(clip) || len(got) > 3*len(clip)+1000 {
		t.Fatalf("%d samples for a clip of %d", len(got), len(clip))
	}
	if a, b := pcm.LevelDBFS(got), pcm.LevelDBFS(g711.DecodeMu(nil, clip)); a < b-0.5 || a > b+0.5 {
		t.Fatalf("level %.2f dBFS, the clip's is %.2f", a, b)
	}
}

func TestEventsComeInTheObservedOrder(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	c.greet()
	from := len(c.log)
	c.play("Yes, how can I help you?")
	c.until("response.done")
	got := slices.Compact(slices.DeleteFunc(c.log[from:], func(kind string) bool {
		return strings.Contains(kind, "transcription") || kind == "rate_limits.updated" || kind == "response.output_audio_transcript.delta"
	}))
	want := strings.Fields(`input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.committed
 conversation.item.added conversation.item.done response.created response.output_item.added conversation.item.added
 response.content_part.added response.output_audio.delta response.output_audio.done response.output_audio_transcript.done
 response.content_part.done conversation.item.done response.output_item.done response.output_item.added conversation.item.added
 response.function_call_arguments.delta response.function_call_arguments.done conversation.item.done response.output_item.done response.done`)
	if !slices.Equal(got, want) {
		t.Fatalf("order\n%v\nwant\n%v", got, want)
	}
}

func TestTheSameSeedSpeaksTheSameWay(t *testing.T) {
	var logs [2][]string
	for i := range logs {
		_, url, _ := started(t, scripted(t, "books"))
		c := dial(t, url)
		c.configure(pcmuFormat, autoVAD)
		c.greet()
		logs[i] = c.log
	}
	if !slices.Equal(logs[0], logs[1]) {
		t.Fatalf("two runs with one seed differ:\n%v\n%v", logs[0], logs[1])
	}
}

func TestUsageAddsUp(t *testing.T) {
	_, url, _ := started(t, scripted(t, "books"))
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	if u := c.greet().Response.Usage; u.Total == 0 || u.Total != u.Input+u.Output {
		t.Fatalf("usage %+v", u)
	}
}

func TestAResponseThatGoesWrong(t *testing.T) {
	for name, test := range map[string]struct {
		faults Faults
		check  func(*testing.T, received)
	}{
		"failed, code null": {Faults{FailResponse: 1}, func(t *testing.T, e received) {
			if e.Response.Status != "failed" || e.Response.Details.Error.Code != nil {
				t.Errorf("response %+v", e.Response)
			}
		}},
		"insufficient quota": {Faults{FailResponse: 1, FailCode: "insufficient_quota"}, func(t *testing.T, e received) {
			if code := e.Response.Details.Error.Code; code == nil || *code != "insufficient_quota" {
				t.Errorf("response %+v", e.Response)
			}
		}},
		"incomplete": {Faults{IncompleteResponse: 1}, func(t *testing.T, e received) {
			if e.Response.Status != "incomplete" || e.Response.Output[0].Status != "incomplete" || e.Response.Details.Reason != "max_output_tokens" {
				t.Errorf("response %+v", e.Response)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			script := scripted(t, "books")
			script.Faults = test.faults
			_, url, _ := started(t, script)
			c := dial(t, url)
			c.configure(pcmuFormat, autoVAD)
			test.check(t, c.greet())
			if test.faults.FailResponse > 0 {
				if c.greet(); !strings.Contains(c.said(), "Alex Morgan") {
					t.Errorf("a second create did not greet: %s", c.said())
				}
			}
		})
	}
}

func TestAConversationWithATwist(t *testing.T) {
	for name, test := range map[string]struct {
		faults Faults
		calls  string // names in order
	}{
		"two calls":     {Faults{TwoCalls: true}, "find find create end"},
		"repeated call": {Faults{RepeatCall: true}, "find create create end"},
		"bad arguments": {Faults{BadArguments: true}, "find find create end"},
		"other slot":    {Faults{BookOther: true}, "find create end"},
		"claim":         {Faults{ClaimBooked: true}, "find end"},
		"no end_call":   {Faults{NoEndCall: true}, "find create"},
		"unknown":       {Faults{Unknown: true}, "find create end"},
		"slow update":   {Faults{UpdateDelay: 50 * time.Millisecond, AudioDelay: 50 * time.Millisecond}, "find create end"},
	} {
		t.Run(name, func(t *testing.T) {
			script := scripted(t, "books")
			script.Faults = test.faults
			s, url, _ := started(t, script)
			c := dial(t, url)
			c.answer = func(name, args string) string {
				if strings.HasPrefix(args, `{"from":`) {
					return `{"error":"the arguments are no JSON"}`
				}
				return freeCalendar(name, args)
			}
			c.configure(pcmuFormat, autoVAD)
			c.hold(script.Scenario)
			var names []string
			for _, call := range c.calls {
				short := map[string]string{toolFind: "find", toolCheck: "check", toolBook: "create", toolEnd: "end"}
				names = append(names, short[strings.Fields(call)[0]])
			}
			if got := strings.Join(names, " "); got != test.calls {
				t.Errorf("calls %s, want %s", got, test.calls)
			}
			if test.faults.BookOther && !strings.Contains(c.calls[1], "2026-03-02T14:00:00-08:00") {
				t.Errorf("booked %s, want another time than agreed", c.calls[1])
			}
			if test.faults.Unknown != slices.Contains(c.log, "session.weather.updated") {
				t.Error("unknown events come exactly where they are asked for")
			}
			wantNoViolation(t, s)
		})
	}
}

func TestTheSocketEnds(t *testing.T) {
	for name, test := range map[string]struct {
		faults Faults
		code   int    // of the close frame; 0 is none
		cause  string // error event before it
	}{
		"abruptly":          {Faults{CloseAfterEvents: 6}, 0, ""},
		"within a response": {Faults{DieInResponse: 1}, 0, ""},
		"expired":           {Faults{ExpireAfterEvents: 6}, websocket.CloseGoingAway, "session_expired"},
	} {
		t.Run(name, func(t *testing.T) {
			script := scripted(t, "books")
			script.Faults = test.faults
			_, url, _ := started(t, script)
			c := dial(t, url)
			c.configure(pcmuFormat, autoVAD)
			c.send(`{"type":"response.create"}`)
			c.loud = true
			cause, err := "", error(nil)
			for err == nil {
				var e received
				if e, err = c.read(); e.Type == "error" {
					cause = e.Error.Code
				}
			}
			if closed := websocket.IsCloseError(err, websocket.CloseGoingAway); closed != (test.code != 0) || cause != test.cause {
				t.Fatalf("ended by %v after error %q", err, cause)
			}
		})
	}
}

func TestTheFirstUpdateCanBeRejected(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.RejectUpdate = true
	s, url, _ := started(t, script)
	c := dial(t, url)
	c.until("session.created")
	c.refused(config(pcmuFormat, autoVAD))
	wantNoViolation(t, s)
}

func TestAuthenticationFailsAfterTheUpgrade(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.AuthError = "insufficient_quota"
	_, url, _ := started(t, script)
	c := dial(t, url)
	c.loud = true
	if e := c.until("error"); e.Error.Code != "insufficient_quota" {
		t.Fatalf("error %+v", e.Error)
	}
	if _, err := c.read(); err == nil {
		t.Fatal("the session goes on")
	}
}

func TestIdleTimeoutTriggers(t *testing.T) {
	script := scripted(t, "books")
	_, url, _ := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, `{"type":"server_vad","idle_timeout_ms":5000}`)
	c.append(slices.Repeat([]byte{0xFF}, 1600))
	c.send(`{"type":"response.create","response":{"instructions":"Say exactly: \"Hello.\""}}`)
	c.until("response.done")
	start := time.Now()
	c.until("input_audio_buffer.timeout_triggered")
	if d := time.Since(start); d < 5*time.Second {
		t.Fatalf("after %v, want the time-out and the audio's length", d)
	}
}

func TestADisclosureIsLeftOutSoManyTimes(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.OmitDisclosure = 2
	s, url, _ := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	for range 2 {
		c.greet()
		if strings.Contains(c.said(), "Alex Morgan") {
			t.Fatalf("it was said: %s", c.said())
		}
	}
	c.greet()
	if !strings.Contains(c.said(), "an AI assistant calling on behalf of Alex Morgan") {
		t.Errorf("it was not said: %s", c.said())
	}
	c.send(`{"type":"response.create"}`)
	c.until("response.done")
	if !strings.Contains(c.said(), speech.LineBusiness) {
		t.Errorf("the business does not follow: %s", c.said())
	}
	wantNoViolation(t, s)
}

func TestSpeechWithoutATranscript(t *testing.T) {
	script := scripted(t, "books")
	script.Faults.NoTranscript = true
	_, url, j := started(t, script)
	c := dial(t, url)
	c.configure(pcmuFormat, autoVAD)
	item := c.greet().Response.Output[0].ID
	if len(c.audio[item]) == 0 {
		t.Error("nothing was said")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.side == SideServer && (strings.Contains(e.event, "output_audio_transcript") || strings.Contains(e.event, `"transcript":"H`)) {
			t.Errorf("its words are in %s", e.event)
		}
	}
}
