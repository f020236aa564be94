package twiliotest

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func script(answers ...Answer) Options { return Options{Script: Script{Attempts: answers}} }

func TestAnsweredCallReportsEveryStepInOrder(t *testing.T) {
	bubble(t, script(Human(Line{Text: "bye", HangUp: true, After: At(2 * time.Second)})), func(s *side) {
		c := s.call()
		same2(t, "callbacks", s.statuses(), []string{"initiated", "ringing", "in-progress", "completed"})
		for i, r := range s.received("/status") {
			if got := r.form.Get("SequenceNumber"); got != strconv.Itoa(i) {
				t.Errorf("callback %d has SequenceNumber %s", i, got)
			}
			if _, err := time.Parse(time.RFC1123Z, r.form.Get("Timestamp")); err != nil || r.form.Get("CallbackSource") != "call-progress-events" {
				t.Errorf("callback %d: %v %v", i, r.form, err)
			}
		}
		last := s.received("/status")[3].form
		if last.Get("CallDuration") != "2" || last.Get("Duration") != "1" || last.Get("SipResponseCode") != "200" {
			t.Errorf("terminal callback: %v", last)
		}
		voice := s.received("/voice")[0].form
		for name, want := range map[string]string{
			"CallSid": c.SID(), "CallStatus": "in-progress", "Direction": "outbound-api", "To": testCallee, "Called": testCallee, "From": testNumber,
			"AccountSid": testAccount, "ApiVersion": "2010-04-01", "ToCountry": "",
		} {
			if got := voice.Get(name); got != want || !voice.Has(name) {
				t.Errorf("voice field %s is %q, want %q", name, got, want)
			}
		}
		same2(t, "moments", s.kinds(), []Kind{
			Queued, Initiated, Ringing, Answered, VoiceFetched, StreamOpened, StreamStarted,
			CalleeSpeaks, CalleeQuiet, HungUp, StreamStopped, Ended,
		})
		if c.Status() != "completed" || s.moment(HungUp, 0).Text != "callee" {
			t.Errorf("status %s, hung up by %s", c.Status(), s.moment(HungUp, 0).Text)
		}
	})
}

func TestCallsThatNobodyAnswersNeverFetchTwiML(t *testing.T) {
	for name, tc := range map[string]struct {
		answer Answer
		want   []string
		sip    string
		after  time.Duration
	}{
		"busy":            {Busy, []string{"initiated", "ringing", "busy"}, "486", 2 * time.Second},
		"no answer":       {NoAnswer, []string{"initiated", "ringing", "no-answer"}, "487", 25 * time.Second},
		"rings too long":  {Answer{Ring: time.Minute}, []string{"initiated", "ringing", "no-answer"}, "487", 25 * time.Second},
		"failed":          {Failed, []string{"initiated", "ringing", "failed"}, "404", 2 * time.Second},
		"failed silently": {Answer{Outcome: OutcomeFailed, SkipRinging: true, Ring: time.Second}, []string{"initiated", "failed"}, "404", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, script(tc.answer), func(s *side) {
				begin := time.Now()
				c := s.call("Timeout", "25")
				same2(t, "callbacks", s.statuses(), tc.want)
				last := s.received("/status")[len(tc.want)-1].form
				if last.Get("SipResponseCode") != tc.sip || last.Get("CallDuration") != "0" {
					t.Errorf("terminal callback: %v", last)
				}
				if len(s.received("/voice")) != 0 || c.Status() != tc.want[len(tc.want)-1] || time.Since(begin) != tc.after {
					t.Errorf("voice %d, status %s, after %v", len(s.received("/voice")), c.Status(), time.Since(begin))
				}
			})
		})
	}
}

func TestAttemptsFollowTheScriptAndTheLastRepeats(t *testing.T) {
	bubble(t, script(Busy, NoAnswer), func(s *side) {
		var got []string
		for range 3 {
			got = append(got, s.call().Status())
		}
		same2(t, "statuses", got, []string{"busy", "no-answer", "no-answer"})
		s.twilio.SetScript(testCallee, Script{Attempts: []Answer{Failed}})
		if got := s.call().Status(); got != "failed" {
			t.Errorf("after SetScript: %s", got)
		}
	})
}

func TestTimeScaleShortensOnlyTheTimeBeforeTheAnswer(t *testing.T) {
	o := script(Human(Line{HangUp: true, After: At(time.Second)}))
	o.TimeScale, o.Ring = 10, 20*time.Second
	bubble(t, o, func(s *side) {
		s.call()
		rang, talked := s.moment(Answered, 0).At.Sub(s.moment(Ringing, 0).At), s.moment(HungUp, 0).At.Sub(s.moment(Answered, 0).At)
		if rang != 2*time.Second || talked != time.Second {
			t.Errorf("rang %v, talked %v", rang, talked)
		}
	})
}

func TestOnlyOneCallStartsPerSecond(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		s.create()
		second := s.create()
		if got := second.resource().QueueTime; got != "1000" {
			t.Errorf("queue_time %s", got)
		}
		<-second.Done()
		if gap := s.moment(Initiated, 1).At.Sub(s.moment(Initiated, 0).At); gap != time.Second {
			t.Errorf("started %v apart", gap)
		}
	})
}

func TestACallCanceledInTheQueueSendsNoCallback(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		s.create("To", "+12025550124")
		queued := s.create()
		status, body, _ := s.do("POST", "/Calls/"+queued.SID()+".json", url.Values{"Status": {"canceled"}})
		if status != 200 || body["status"] != "canceled" {
			t.Errorf("cancel answered %d %v", status, body["status"])
		}
		<-queued.Done()
		for _, r := range s.received("/status") {
			if r.form.Get("CallSid") == queued.SID() {
				t.Errorf("callback %v", r.form)
			}
		}
		<-s.twilio.Calls()[0].Done()
	})
}

func TestRingingCallsCanBeCanceledAndLiveOnesHungUp(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		for _, word := range []string{"canceled", "completed"} {
			c := s.create()
			time.Sleep(1500 * time.Millisecond)
			s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Status": {word}})
			<-c.Done()
			if c.Status() != "canceled" {
				t.Errorf("%s while ringing ends %s", word, c.Status())
			}
		}
		c := s.create()
		time.Sleep(5 * time.Second)
		if s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Status": {"canceled"}}); c.Status() != "in-progress" {
			t.Errorf("an answered call was canceled: %s", c.Status())
		}
		s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Status": {"completed"}})
		<-c.Done()
		if c.Status() != "completed" {
			t.Errorf("status %s", c.Status())
		}
		status, body, _ := s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Status": {"completed"}})
		if status != 400 || body["code"] != 21220.0 {
			t.Errorf("hang-up after the end: %d %v", status, body)
		}
	})
}

func TestTimeLimitEndsTheCall(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		c := s.call("TimeLimit", "30")
		if got := c.Recording().Duration(); got.Round(time.Second) != 30*time.Second {
			t.Errorf("talked %v", got)
		}
		if s.moment(HungUp, 0).Text != "time limit" {
			t.Errorf("hung up by %s", s.moment(HungUp, 0).Text)
		}
		s.sockets = 0
		c = s.create("TimeLimit", "30")
		time.Sleep(3 * time.Second)
		s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"TimeLimit": {"5"}})
		<-c.Done()
		if got := c.Recording().Duration(); got.Round(time.Second) != 5*time.Second {
			t.Errorf("talked %v after the limit was lowered", got)
		}
	})
}

func TestTheEndRacesWithAHangUp(t *testing.T) {
	answer := Human()
	answer.Nasty.EndedFirst = true
	bubble(t, script(answer), func(s *side) {
		c := s.create()
		time.Sleep(4 * time.Second)
		status, body, _ := s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Status": {"completed"}})
		if status != 400 || body["code"] != 21220.0 {
			t.Errorf("%d %v", status, body)
		}
		<-c.Done()
	})
}

func TestAsynchronousVerdictComesBeforeOrAfterTheStream(t *testing.T) {
	for _, before := range []bool{false, true} {
		answer := Human(Line{HangUp: true, After: At(6 * time.Second)})
		answer.Machine = Machine{AnsweredBy: "machine_start", After: 4 * time.Second, BeforeVoice: before}
		bubble(t, script(answer), func(s *side) {
			c := s.call("MachineDetection", "Enable", "AsyncAmd", "true", "AsyncAmdStatusCallback", testBase+"/amd?callId=c1")
			form := s.received("/amd")[0].form
			if form.Get("AnsweredBy") != "machine_start" || form.Get("MachineDetectionDuration") != "4000" || form.Has("SequenceNumber") {
				t.Errorf("verdict: %v", form)
			}
			kinds := s.kinds()
			if got := slices.Index(kinds, MachineVerdict) < slices.Index(kinds, StreamStarted); got != before {
				t.Errorf("verdict before the stream: %v, want %v", got, before)
			}
			if *c.resource().AnsweredBy != "machine_start" || s.received("/voice")[0].form.Has("AnsweredBy") {
				t.Error("the verdict belongs to the resource and not to the voice webhook")
			}
		})
	}
}

func TestSynchronousVerdictHoldsTheTwiMLBack(t *testing.T) {
	bubble(t, script(Human(Line{HangUp: true, After: At(5 * time.Second)})), func(s *side) {
		s.call("MachineDetection", "Enable")
		if gap := s.moment(VoiceFetched, 0).At.Sub(s.moment(Answered, 0).At); gap != 3*time.Second {
			t.Errorf("TwiML %v after the answer", gap)
		}
		if got := s.received("/voice")[0].form.Get("AnsweredBy"); got != "human" {
			t.Errorf("AnsweredBy %q", got)
		}
	})
}

func TestCallbacksGetLostLateAndDoubled(t *testing.T) {
	for name, tc := range map[string]struct {
		deliver func(int, string) []time.Duration
		want    []string
	}{
		"lost":  {Lost("completed"), []string{"initiated", "ringing", "in-progress"}},
		"all":   {Lost(), nil},
		"late":  {Late(time.Minute, "ringing"), []string{"initiated", "in-progress", "completed", "ringing"}},
		"twice": {Twice(time.Second, "in-progress"), []string{"initiated", "ringing", "in-progress", "in-progress", "completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := Human(Line{HangUp: true, After: At(3 * time.Second)})
			answer.Nasty.Deliver = tc.deliver
			bubble(t, script(answer), func(s *side) {
				s.call()
				same2(t, "callbacks", s.statuses(), tc.want)
			})
		})
	}
}

func TestByDefaultOnlyTheEndIsReported(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		form := createForm()
		form.Del("StatusCallbackEvent")
		_, body, _ := s.do("POST", "/Calls.json", form)
		<-s.twilio.Call(body["sid"].(string)).Done()
		same2(t, "callbacks", s.statuses(), []string{"busy"})
	})
}

func TestForgeriesMustBeRefused(t *testing.T) {
	answer := Human(Line{HangUp: true, After: At(time.Second)})
	answer.Nasty.Forge = true
	bubble(t, script(answer), func(s *side) {
		s.call()
		if got := len(s.received("/voice")); got != 3 {
			t.Errorf("%d voice requests, want two forged and one genuine", got)
		}
		if got := s.takeViolations(); got != nil {
			t.Errorf("violations %v although all were refused", got)
		}
		s.acceptForged = true
		s.sockets = 0
		s.call()
		if got := s.takeViolations(); len(got) == 0 {
			t.Error("a server that takes forged webhooks went unnoticed")
		}
	})
}

func TestASecondVoiceWebhookMustGetTheSameAnswer(t *testing.T) {
	answer := Human(Line{HangUp: true, After: At(time.Second)})
	answer.Nasty.VoiceTwice = true
	bubble(t, script(answer), func(s *side) {
		s.call()
		if got := s.received("/voice"); len(got) != 2 || got[0].form.Encode() != got[1].form.Encode() {
			t.Errorf("voice requests: %v", got)
		}
		s.sockets = 0
		s.voiceBody = func(n int) string { return `<Response><Pause length="5"/><!-- ` + strconv.Itoa(n) + ` --></Response>` }
		s.call()
		if got := s.takeViolations(); len(got) != 1 {
			t.Errorf("violations: %v", got)
		}
	})
}

func TestTwiMLThatCannotBeHadEndsTheCall(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		code int
	}{
		"not XML":           {`<Response><Say>`, codeInvalidXML},
		"unknown verb":      {`<Response><Dial>+1</Dial></Response>`, codeSchema},
		"unknown attribute": {`<Response><Connect><Stream uri="wss://h/x"/></Connect></Response>`, codeSchema},
		"stream in start":   {`<Response><Stream url="wss://h/x"/></Response>`, codeSchema},
		"not a response":    {`<html/>`, codeSchema},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, script(Human()), func(s *side) {
				s.twiml = tc.body
				c := s.call()
				same2(t, "violations", s.takeViolations(), []int{tc.code})
				if c.Status() != "completed" || s.moment(HungUp, 0).Text != "application error" {
					t.Errorf("%s, %s", c.Status(), s.moment(HungUp, 0).Text)
				}
			})
		})
	}
}

func TestFallbackURLIsToldWhy(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		s.twiml = "nonsense"
		s.after = `<Response><Say>Sorry.</Say></Response>`
		s.call("FallbackUrl", testBase+"/voice?after=x")
		form := s.received("/voice?after")[0].form
		if form.Get("ErrorCode") == "" || form.Get("ErrorUrl") != createForm().Get("Url") {
			t.Errorf("fallback fields: %v", form)
		}
	})
}

func TestSayIsHeardOnTheAgentsLegAndPauseIsSilence(t *testing.T) {
	apology := bytes.Repeat([]byte{0x10}, 4000)
	o := script(Human())
	o.Speak = func(text string) []byte {
		if text != "We are sorry." {
			t.Errorf("said %q", text)
		}
		return apology
	}
	bubble(t, o, func(s *side) {
		s.twiml = `<Response><Pause length="2"/><Say>We are
			sorry.</Say><Hangup/><Say>never</Say></Response>`
		rec := s.call().Recording()
		if first := bytes.IndexByte(rec.Agent, 0x10); first < 15900 || first > 16400 {
			t.Errorf("the apology begins at byte %d", first)
		}
		if got := bytes.Count(rec.Agent, []byte{0x10}); got < 3800 || len(rec.Played) != 0 {
			t.Errorf("%d bytes of the apology were heard; %d counted as the stream's", got, len(rec.Played))
		}
	})
}

func TestActionIsFetchedWhenTheStreamEndsAndTheCallIsUp(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		s.serve = func(p *peer) { p.until("start", "") }
		s.after = `<Response><Pause length="1"/><Hangup/></Response>`
		c := s.call()
		action := s.received("/voice?after=stream")
		if len(action) != 1 || action[0].form.Get("CallStatus") != "in-progress" || action[0].form.Get("CallSid") != c.SID() {
			t.Errorf("action: %v", action)
		}
		if s.moment(StreamStopped, 0).Text != stoppedByBreak {
			t.Errorf("stream stopped: %s", s.moment(StreamStopped, 0).Text)
		}
	})
	bubble(t, script(Human(Line{HangUp: true, After: At(2 * time.Second)})), func(s *side) {
		s.call()
		if got := s.received("/voice?after"); len(got) != 0 {
			t.Errorf("the action was fetched after the end: %v", got)
		}
	})
}

func TestARedirectByRESTEndsTheStream(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		c := s.create()
		time.Sleep(5 * time.Second)
		s.do("POST", "/Calls/"+c.SID()+".json", url.Values{"Twiml": {`<Response><Pause length="3"/></Response>`}})
		<-c.Done()
		if gap := s.moment(Ended, 0).At.Sub(s.moment(StreamStopped, 0).At); gap != 3*time.Second {
			t.Errorf("ended %v after the stream", gap)
		}
		if got := s.received("/voice?after"); len(got) != 0 {
			t.Error("the action of the replaced document was fetched")
		}
	})
}

func TestAServerThatIsGoneIsAViolationAndEndsTheCall(t *testing.T) {
	bubble(t, script(Human()), func(s *side) {
		c := s.create()
		s.http.Close()
		<-c.Done()
		if got := s.takeViolations(); !slices.Contains(got, codeConnectFailure) || c.Status() != "completed" {
			t.Errorf("violations %v, status %s", got, c.Status())
		}
	})
}

func TestCloseEndsEverythingAtOnce(t *testing.T) {
	bubble(t, script(Human(), NoAnswer), func(s *side) {
		for range 3 {
			s.create()
		}
		time.Sleep(5 * time.Second)
		begin := time.Now()
		s.twilio.Close()
		if time.Since(begin) != 0 {
			t.Errorf("Close took %v", time.Since(begin))
		}
		synctest.Wait()
		for _, c := range s.twilio.Calls() {
			<-c.Done()
		}
		if slices.Contains(s.statuses(), "completed") {
			t.Error("Close sent callbacks")
		}
		if status, _, _ := s.do("GET", "/Calls.json", nil); status != http.StatusServiceUnavailable {
			t.Errorf("after Close: %d", status)
		}
	})
}

func TestWebhooksByGETCarryTheFieldsInTheSignedURL(t *testing.T) {
	bubble(t, script(Human(Line{HangUp: true, After: At(time.Second)})), func(s *side) {
		c := s.call("Method", "GET", "StatusCallbackMethod", "GET")
		voice, err := url.Parse(s.received("/voice")[0].path)
		if err != nil || voice.Query().Get("CallSid") != c.SID() || voice.Query().Get("callId") != "c1" {
			t.Errorf("%v %v", voice, err)
		}
	})
}

func TestCallbacksWantAnEmptyOrXMLAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		path  string
		codes []int
	}{
		"not found":       {"/voice?after=gone", []int{codeHTTPFailure}},
		"XML is accepted": {"/voice?after=x", nil},
		"plain text":      {"/voice?after=plain", []int{codeContentType}},
	} {
		bubble(t, script(Busy), func(s *side) {
			s.contentType, s.code = "text/xml", http.StatusOK
			switch name {
			case "plain text":
				s.contentType = "text/plain"
			case "not found":
				s.code = http.StatusNotFound
			}
			form := createForm("StatusCallback", testBase+tc.path)
			form.Del("StatusCallbackEvent")
			_, body, _ := s.do("POST", "/Calls.json", form)
			<-s.twilio.Call(body["sid"].(string)).Done()
			same2(t, name, s.takeViolations(), tc.codes)
		})
	}
}
