package media

import "testing"

func TestEveryResponseIsBilledOnceHoweverItEnds(t *testing.T) {
	r := greeted(t, testConfig())
	before := r.c.outcome().Usage
	bill := Usage{Responses: 1, InputTokens: 100, OutputTokens: 10, TextIn: 40, AudioIn: 60, CachedIn: 30, CachedText: 10, CachedAudio: 20, TextOut: 4, AudioOut: 6}
	for id, status := range map[string]ResponseStatus{"a": ResponseCompleted, "b": ResponseCancelled, "c": ResponseIncomplete, "d": ResponseFailed} {
		r.do(ResponseStarted{ResponseID: id})
		ended := ResponseEnded{ResponseID: id, Status: status, Usage: bill}
		r.do(ended, ended) // told twice
	}
	r.do(ResponseEnded{ResponseID: "its start was never told", Usage: bill})
	got := r.c.outcome().Usage
	want := before
	for range 5 {
		want.add(bill)
	}
	r.expect(got == want, "billed %+v, want %+v", got, want)
}

func TestTheResponseThatAHangUpCutsOffIsBilled(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(ResponseStarted{ResponseID: "cut"}, phoneGone{reason: EndCalleeHangup})
	r.expect(r.c.over && r.c.needsAgent() && !r.c.finished(), "the model is asked to stop, and heard out")
	r.expect(r.c.outcome().Usage.Unreported == 1, "until then its tokens are not known")
	r.do(ResponseEnded{ResponseID: "cut", Status: ResponseCancelled, Usage: Usage{Responses: 1, AudioOut: 7}})
	u := r.c.outcome().Usage
	r.expect(u.AudioOut == 7 && u.Unreported == 0 && r.c.finished(), "its bill is the last thing waited for: %+v", u)
}

func TestAModelThatNeverBillsIsNotWaitedForLong(t *testing.T) {
	r := greeted(t, testConfig())
	r.do(ResponseStarted{ResponseID: "cut"}, phoneGone{reason: EndCalleeHangup})
	r.wait(r.c.cfg.TranscriptWait + tick)
	r.expect(r.c.finished() && r.c.outcome().Usage.Unreported == 1, "the session ends, and says what is not known: %+v", r.c.outcome().Usage)
}

func TestTranscriptsAreBilledInSecondsOrInTokens(t *testing.T) {
	r := greeted(t, testConfig())
	before := r.c.outcome().Usage
	r.do(CalleeTranscript{ItemID: "a", Text: "x", Seconds: 1.5}, CalleeTranscript{ItemID: "b", Text: "x", Tokens: 12},
		CalleeTranscript{ItemID: "c", Text: "x"}, CalleeTranscript{ItemID: "d", Failed: true}, CalleeTranscript{ItemID: "e", Seconds: 2})
	u := r.c.outcome().Usage
	got := [4]float64{float64(u.Transcripts - before.Transcripts), u.TranscriptionSeconds - before.TranscriptionSeconds, float64(u.TranscriptionTokens), float64(u.Unmeasured - before.Unmeasured)}
	r.expect(got == [4]float64{4, 3.5, 12, 1}, "transcripts, seconds, tokens, unmeasured: %v", got)
}
