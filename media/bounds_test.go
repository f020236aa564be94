package media

import (
	"fmt"
	"testing"
	"time"
)

// TestWhatACallKeepsIsBounded: after two hours of talk as after ten minutes. Transcripts
// that never come, calls that are never repeated and turns without end fill no memory.
func TestWhatACallKeepsIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.MaxLength = 3 * time.Hour
	r := newRig(t, cfg)
	r.do(phoneStarted{}, agentReady{})
	r.calleeSays("hello", 500*ms)
	r.says("greet", 500)
	r.says("open", 500)
	r.wait(1200 * ms)
	r.confirm()
	sizes := func() string {
		c := r.c
		return fmt.Sprintf("%d responses, %d calls, %d turns, %d items, %d awaited, %d played, %d running",
			len(c.responses), len(c.calls), len(c.book.list), len(c.book.items), len(c.awaiting), len(c.play.items), len(c.running))
	}
	early := ""
	for n := range 1500 {
		id := fmt.Sprint("t", n)
		r.do(CalleeStarted{ItemID: id}, CalleeStopped{ItemID: id}, CalleeCommitted{ItemID: id}) // its transcript never comes
		r.do(ResponseStarted{ResponseID: "a" + id}, AgentCall{ResponseID: "a" + id, CallID: "c" + id, Name: "find", Arguments: `{}`})
		r.ended("a"+id, ResponseCompleted)
		r.do(toolDone{callID: "c" + id, output: `{}`})
		r.says("b"+id, 100)
		r.wait(400 * ms)
		r.moments, r.sent, r.tools = nil, nil, nil
		if n == 700 {
			early = sizes()
		}
	}
	r.expect(!r.c.over, "the call goes on")
	r.expect(sizes() == early, "it kept %s, and now %s", early, sizes())
	r.expect(len(r.c.responses) <= responsesKept+1 && len(r.c.calls) <= responsesKept+1 && len(r.c.book.list) <= maxTurns && len(r.c.awaiting) <= awaitingMost,
		"within its bounds: %s", sizes())
	r.expect(r.c.recall.ms() <= recallMostMS && len(r.c.out.Quality.TurnLatenciesMS) <= 256, "and no more audio than that: %d ms", r.c.recall.ms())
}

func TestLongTurnsPushOlderOnesOut(t *testing.T) {
	var book transcript
	for n := range 400 {
		id := fmt.Sprint(n)
		book.begin(SpeakerCallee, id, n)
		book.text(id, string(make([]rune, 5000)))
	}
	if book.bytes > maxBookBytes || len(book.list) < firstTurns || book.list[0].id != "0" || book.list[len(book.list)-1].id != "399" || len(book.items) != len(book.list) {
		t.Errorf("%d bytes in %d entries, %d of them by id", book.bytes, len(book.list), len(book.items))
	}
	sum := 0
	for _, e := range book.list {
		sum += e.bytes()
	}
	if sum != book.bytes {
		t.Errorf("it counts %d bytes of %d", book.bytes, sum)
	}
}

func TestWordsAreCutWhereTheyWereHeard(t *testing.T) {
	for _, c := range []struct {
		heard, length int
		want          string
	}{
		{0, 4000, ""},
		{4000, 4000, "one two three four"},
		{9000, 4000, "one two three four"},
		{2000, 4000, "one two"},
		{1800, 4000, "one two"},
		{1500, 4000, "one"},
		{400, 0, "one"},
		{10_000, 0, "one two three four"},
	} {
		if got := heardWords("one two three four", c.heard, c.length); got != c.want {
			t.Errorf("%d of %d ms: %q, want %q", c.heard, c.length, got, c.want)
		}
	}
}
