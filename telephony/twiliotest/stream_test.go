package twiliotest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/gorilla/websocket"
)

// tone is speech for all that the fake knows: n milliseconds at -12 dBFS.
func tone(milliseconds int) []byte {
	return g711.EncodeMu(nil, pcm.Tone(milliseconds*8, pcm.PhoneRate, 400, -12))
}

// talk answers, stays on the line for d and hangs up.
func talk(d time.Duration, n Nasty) Answer {
	return Answer{Lines: []Line{{HangUp: true, After: At(d)}}, Nasty: n}
}

func TestStreamSpeaksTheProtocolInOrder(t *testing.T) {
	bubble(t, script(talk(2*time.Second, Nasty{})), func(s *side) {
		var p *peer
		s.serve = func(peer *peer) { p = peer; p.readAll() }
		c := s.call()
		if p.got[0].text != `{"event":"connected","protocol":"Call","version":"1.0.0"}` {
			t.Errorf("first: %s", p.got[0].text)
		}
		want := fmt.Sprintf(`{"event":"start","sequenceNumber":"1","start":{"streamSid":"%s","accountSid":"%s","callSid":"%s","tracks":["inbound"],`+
			`"customParameters":{"callId":"c1"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"streamSid":"%[1]s"}`, p.sid, testAccount, c.SID())
		if p.got[1].text != want {
			t.Errorf("second: %s", p.got[1].text)
		}
		for i, h := range p.got[2 : len(p.got)-1] {
			media, _ := h.msg["media"].(map[string]any)
			if h.msg["sequenceNumber"] != strconv.Itoa(i+2) || media["chunk"] != strconv.Itoa(i+1) || media["timestamp"] != strconv.Itoa(102+20*i) {
				t.Fatalf("media %d: %s", i, h.text)
			}
			if payload, _ := base64.StdEncoding.DecodeString(media["payload"].(string)); len(payload) != 160 || payload[0] != 0xFF {
				t.Fatalf("media %d: %d bytes", i, len(payload))
			}
			if gap := h.at.Sub(p.got[2].at); gap != time.Duration(i)*20*time.Millisecond {
				t.Fatalf("media %d came after %v", i, gap)
			}
		}
		if last := p.got[len(p.got)-1]; last.msg["event"] != "stop" || len(p.got) < 98 {
			t.Errorf("last of %d: %s", len(p.got), last.text)
		}
		header := s.upgrades[0]
		if got := header.Get("X-Twilio-Signature"); got != sign(testToken, "ws://127.0.0.1/voice/stream/tokenX", nil) {
			t.Errorf("signature %q", got)
		}
	})
}

func TestAMarkComesBackWhenItsAudioHasPlayed(t *testing.T) {
	bubble(t, script(talk(10*time.Second, Nasty{})), func(s *side) {
		s.serve = func(p *peer) {
			p.until("start", "")
			sent := time.Now()
			p.mark("at once")
			p.media(tone(1000))
			p.mark("after 1 s")
			p.media(tone(250))
			p.media(tone(250))
			p.mark("after 1.5 s")
			for name, want := range map[string]time.Duration{"at once": 0} {
				p.expectMark(s.t, name, sent.Add(want))
			}
			p.expectMark(s.t, "after 1 s", sent.Add(time.Second))
			p.expectMark(s.t, "after 1.5 s", sent.Add(1500*time.Millisecond))
			p.readAll()
		}
		c := s.call()
		want := slices.Concat(tone(1000), tone(250), tone(250))
		if got := c.Recording().Played; !bytes.Equal(got, want) {
			t.Errorf("played %d bytes, sent %d", len(got), len(want))
		}
	})
}

// expectMark waits for an echo, which may be up to two frames late and never early.
func (p *peer) expectMark(t *testing.T, name string, want time.Time) {
	t.Helper()
	h, ok := p.until("mark", name)
	if late := h.at.Sub(want); !ok || late < 0 || late > 40*time.Millisecond {
		t.Errorf("mark %q: came %v, %v late", name, ok, late)
	}
}

func TestClearBringsAllMarksBackAndSilencesTheAgent(t *testing.T) {
	bubble(t, script(talk(8*time.Second, Nasty{})), func(s *side) {
		s.serve = func(p *peer) {
			p.until("start", "")
			p.media(tone(1000))
			p.mark("first")
			p.media(tone(4000))
			p.mark("second")
			p.mark("third")
			p.until("mark", "first")
			cleared := time.Now()
			p.clear()
			p.expectMark(s.t, "second", cleared)
			p.expectMark(s.t, "third", cleared)
			p.readAll()
		}
		c := s.call()
		if got := durationOf(len(c.Recording().Played)); got < time.Second || got > 1100*time.Millisecond {
			t.Errorf("%v was played in spite of the clear", got)
		}
		if s.moment(MarkPlayed, 0).Text != "first" || s.moment(MarkCleared, 1).Text != "third" {
			t.Error("the timeline does not tell played from cleared marks")
		}
	})
}

func TestTheNthMarkGetsLost(t *testing.T) {
	bubble(t, script(talk(3*time.Second, Nasty{LoseMarks: []int{2}})), func(s *side) {
		var names []string
		s.serve = func(p *peer) {
			p.until("start", "")
			for _, name := range []string{"a", "b", "c"} {
				p.mark(name)
			}
			for {
				h, ok := p.until("mark", "")
				if !ok {
					return
				}
				names = append(names, h.msg["mark"].(map[string]any)["name"].(string))
			}
		}
		s.call()
		same2(t, "echoes", names, []string{"a", "c"})
	})
}

func TestMoreThanTenMinutesAreDroppedWithOneWarning(t *testing.T) {
	bubble(t, script(talk(3*time.Second, Nasty{})), func(s *side) {
		s.serve = func(p *peer) {
			p.until("start", "")
			for range 63 {
				p.media(make([]byte, 80000)) // 10 s
			}
			p.readAll()
		}
		s.call()
		same2(t, "violations", s.takeViolations(), []int{codeBufferOverflow})
	})
}

func TestInvalidMessagesAreViolations(t *testing.T) {
	other := newSID("MZ")
	for name, tc := range map[string]struct {
		send func(p *peer)
		code int
	}{
		"unknown event":   {func(p *peer) { p.raw(`{"event":"hello","streamSid":"%s"}`, p.sid) }, codeMessage},
		"extra key":       {func(p *peer) { p.raw(`{"event":"clear","streamSid":"%s","x":1}`, p.sid) }, codeMessage},
		"foreign stream":  {func(p *peer) { p.raw(`{"event":"clear","streamSid":"%s"}`, other) }, codeMessage},
		"bad base64":      {func(p *peer) { p.raw(`{"event":"media","streamSid":"%s","media":{"payload":"///"}}`, p.sid) }, codeMessage},
		"not JSON":        {func(p *peer) { p.raw("clear") }, codeMessage},
		"mark, no name":   {func(p *peer) { p.raw(`{"event":"mark","streamSid":"%s","mark":{"name":""}}`, p.sid) }, codeMessage},
		"binary":          {func(p *peer) { p.WriteMessage(websocket.BinaryMessage, []byte{1}) }, codeBinary},
		"twice is once":   {func(p *peer) { p.raw("x"); p.raw("x") }, codeMessage},
		"protocol breach": {func(p *peer) { p.NetConn().Write([]byte{0xFF, 0xFF, 0xFF}) }, codeProtocol},
		"odd close": {func(p *peer) {
			p.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseInternalServerErr, ""))
		}, codeServerClosed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, script(talk(2*time.Second, Nasty{})), func(s *side) {
				s.serve = func(p *peer) { p.until("start", ""); tc.send(p); p.readAll() }
				s.call()
				same2(t, "violations", s.takeViolations(), []int{tc.code})
			})
		})
	}
}

func TestAMessageBeforeStartIsAViolation(t *testing.T) {
	bubble(t, script(talk(3*time.Second, Nasty{StartAfter: time.Second})), func(s *side) {
		s.serve = func(p *peer) { p.raw(`{"event":"clear","streamSid":"%s"}`, newSID("MZ")); p.readAll() }
		s.call()
		same2(t, "violations", s.takeViolations(), []int{codeMessage})
		if gap := s.moment(StreamStarted, 0).At.Sub(s.moment(StreamOpened, 0).At); gap != time.Second {
			t.Errorf("start %v after the upgrade", gap)
		}
	})
}

func TestStreamURLsThatTwilioWouldNotDial(t *testing.T) {
	for url, codes := range map[string][]int{
		"ws://example.com/voice/stream/tokenX":        {codeStreamScheme},
		"https://127.0.0.1/voice/stream/tokenX":       {codeStreamScheme},
		"/voice/stream/tokenX":                        {codeStreamURL},
		"ws://127.0.0.1/voice/stream/tokenX?token=1":  {codeHandshake},
		"ws://127.0.0.1/voice/stream/another":         {codeHandshake},
		`ws://127.0.0.1/voice/stream/X" track="both`:  {codeTrack},
		`ws://127.0.0.1/voice/stream/X" colour="grey`: {codeSchema},
	} {
		bubble(t, script(talk(2*time.Second, Nasty{})), func(s *side) {
			s.twiml = `<Response><Connect><Stream url="` + url + `"/></Connect></Response>`
			s.call()
			same2(t, url, s.takeViolations(), codes)
			if strings.Contains(url, "?") && len(s.upgrades) != 1 {
				t.Error("without its query the URL is dialled")
			}
		})
	}
}

func TestStreamEndsBadly(t *testing.T) {
	bubble(t, script(talk(3*time.Second, Nasty{CloseWithoutStop: true})), func(s *side) {
		var p *peer
		s.serve = func(peer *peer) { p = peer; p.readAll() }
		s.call()
		if last := p.got[len(p.got)-1].msg["event"]; last != "media" {
			t.Errorf("last event %v", last)
		}
	})
	bubble(t, script(talk(5*time.Second, Nasty{BreakAfter: time.Second})), func(s *side) {
		s.after = `<Response><Pause length="1"/></Response>`
		c := s.call()
		if s.moment(StreamStopped, 0).Text != stoppedByBreak || len(s.received("/voice?after")) != 1 {
			t.Error("a broken socket leaves the call up: the action follows")
		}
		if got := c.Recording().Duration().Round(100 * time.Millisecond); got != 2*time.Second {
			t.Errorf("the call lasted %v", got)
		}
	})
}

func TestSocketsThatMustBeRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		nasty  Nasty
		accept func(s *side)
	}{
		"wrong token":   {Nasty{WrongToken: true}, func(s *side) { s.acceptAnyToken = true }},
		"second socket": {Nasty{SecondSocket: true}, func(s *side) { s.acceptSecond = true }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, script(talk(8*time.Second, tc.nasty)), func(s *side) {
				s.acceptSecond = name == "wrong token" // the probe counts as a socket of its own
				s.call()
				same2(t, "violations of a strict server", s.takeViolations(), nil)
				if len(s.upgrades) != 2 {
					t.Errorf("%d upgrades, want the genuine one and the probe", len(s.upgrades))
				}
			})
			bubble(t, script(talk(8*time.Second, tc.nasty)), func(s *side) {
				tc.accept(s)
				s.call()
				same2(t, "violations of a lax server that stays silent", s.takeViolations(), []int{0})
				s.serve = func(p *peer) { p.until("start", ""); p.mark("x"); p.readAll() }
				s.sockets = 0
				s.call()
				same2(t, "violations of a lax server that answers", s.takeViolations(), []int{0})
			})
		})
	}
}

func TestUnsignedUpgradeDigitsAndBursts(t *testing.T) {
	answer := Answer{
		Lines: []Line{{Text: "press", Audio: tone(1000), Digits: "1#"}, {HangUp: true, After: At(4 * time.Second)}},
		Nasty: Nasty{UnsignedUpgrade: true, Burst: 10},
	}
	bubble(t, script(answer), func(s *side) {
		var p *peer
		s.serve = func(peer *peer) { p = peer; p.readAll() }
		s.call()
		if got := s.upgrades[0].Get("X-Twilio-Signature"); got != "" {
			t.Errorf("signature %q", got)
		}
		arrivals := map[time.Time]int{}
		var digits []string
		for _, h := range p.got {
			switch h.msg["event"] {
			case "media":
				arrivals[h.at]++
			case "dtmf":
				digits = append(digits, h.msg["dtmf"].(map[string]any)["digit"].(string))
			}
		}
		same2(t, "digits", digits, []string{"1", "#"})
		bursts := 0
		for _, n := range arrivals {
			if n == 10 {
				bursts++
			}
		}
		if bursts < 15 {
			t.Errorf("%d bursts of 10", bursts)
		}
	})
}

func TestAServerThatDoesNotReadLosesTheStream(t *testing.T) {
	bubble(t, script(talk(20*time.Second, Nasty{})), func(s *side) {
		s.serve = func(p *peer) { p.until("start", ""); time.Sleep(time.Minute) }
		s.call()
		same2(t, "violations", s.takeViolations(), []int{codeProtocol})
	})
}

func TestStreamStatusCallbacks(t *testing.T) {
	bubble(t, script(talk(2*time.Second, Nasty{})), func(s *side) {
		s.twiml = `<Response><Connect><Stream url="ws://127.0.0.1/voice/stream/tokenX" name="n" statusCallback="` + testBase + `/stream"/></Connect></Response>`
		s.call()
		got := s.received("/stream")
		if len(got) != 2 || got[0].form.Get("StreamEvent") != "stream-started" || got[1].form.Get("StreamEvent") != "stream-stopped" || got[0].form.Get("StreamName") != "n" {
			t.Errorf("%v", got)
		}
	})
}

func TestCalleeConversesByEarAndBothLegsShareOneClock(t *testing.T) {
	lines := []Line{
		{Text: "hello", Audio: tone(500)},
		{Text: "yes", Audio: tone(300)},
		{Text: "bye", Audio: tone(200), HangUp: true},
	}
	bubble(t, script(Human(lines...)), func(s *side) {
		s.serve = func(p *peer) {
			p.until("start", "")
			time.Sleep(1500 * time.Millisecond)
			go p.readAll()
			p.media(tone(1000))
			time.Sleep(3 * time.Second)
			p.media(tone(1000))
			time.Sleep(time.Minute)
		}
		c := s.call()
		// The greeting starts at 1.5 s and lasts 1 s; 0.7 s of silence later the callee answers.
		if at := s.moment(CalleeSpeaks, 1).Clock.Round(100 * time.Millisecond); at != 3200*time.Millisecond {
			t.Errorf("the answer began at %v", at)
		}
		rec := c.Recording()
		if len(rec.Callee) != len(rec.Agent) {
			t.Errorf("legs of %d and %d bytes", len(rec.Callee), len(rec.Agent))
		}
		callee, agent := g711.DecodeMu(nil, rec.Callee), g711.DecodeMu(nil, rec.Agent)
		for _, part := range []struct {
			leg      []int16
			from, to int
			speech   bool
		}{{callee, 450, 850, true}, {agent, 450, 850, false}, {agent, 1600, 2400, true}, {callee, 1600, 2400, false}, {callee, 3250, 3450, true}} {
			if got := pcm.LevelDBFS(part.leg[part.from*8:part.to*8]) > -20; got != part.speech {
				t.Errorf("speech between %d and %d ms: %v", part.from, part.to, got)
			}
		}
		var wav bytes.Buffer
		if err := rec.WriteWAV(&wav); err != nil {
			t.Fatal(err)
		}
		raw := wav.Bytes()
		if string(raw[:4]) != "RIFF" || binary.LittleEndian.Uint32(raw[24:]) != 8000 || binary.LittleEndian.Uint16(raw[22:]) != 2 || len(raw) != 44+4*len(callee) {
			t.Errorf("header % x, %d bytes", raw[:44], len(raw))
		}
		for i := range callee {
			if l, r := int16(binary.LittleEndian.Uint16(raw[44+4*i:])), int16(binary.LittleEndian.Uint16(raw[46+4*i:])); l != callee[i] || r != agent[i] {
				t.Fatalf("sample %d: %d %d", i, l, r)
			}
		}
	})
}

// Over real TCP: connected and start arrive in one read.
func TestConnectedAndStartShareASegment(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	answer := talk(time.Minute, Nasty{Glue: true})
	answer.Ring = time.Millisecond
	twiml := fmt.Sprintf(`<Response><Connect><Stream url="ws://%s/x"/></Connect></Response>`, listener.Addr())
	s, err := New(Options{AccountSID: testAccount, AuthToken: testToken, Script: Script{Attempts: []Answer{answer}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	form := createForm("Twiml", twiml)
	form.Del("Url")
	form.Del("StatusCallback")
	s.spawn(s.register(form, s.nextAnswer(testCallee)).run)
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		acceptKey(request.Header.Get("Sec-WebSocket-Key")))
	if _, err := reader.ReadByte(); err != nil {
		t.Fatal(err)
	}
	// 57 bytes of connected and more than 128 of start, each with its frame header.
	if got := reader.Buffered(); got < 57+128 {
		t.Errorf("the first segment held %d bytes: not both messages", got)
	}
}
