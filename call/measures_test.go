package call

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// testMeasures are those of a session of n turns, at n cents and n millionths.
func testMeasures(n int) *Measures {
	ms, model, words := 100*n, float64(n)/100, float64(n)/1e6
	return &Measures{
		Quality: Quality{DurationMS: int64(1000 * n), FirstAudioMS: &ms, Turns: n, TurnP50MS: &ms, TurnMaxMS: &ms, BargeIns: n},
		Cost: Cost{
			Model: "gpt-realtime-2.1", PricesAsOf: "2026-11-23", Tokens: Tokens{n, n, n, n, n, n}, TranscriptionSeconds: 0.1 * float64(n),
			ModelUSD: &model, TranscriptionUSD: &words,
		},
	}
}

// priced are rules under which a minute at the phone company costs so much.
func priced(minute float64) Rules {
	r := testRules()
	r.PhoneMinute = &minute
	return r
}

// measured ends a talk with measures, and lets the provider bill it.
func (p *path) measured(m *Measures, minutes int) *path {
	n := len(p.call.Attempts)
	id := p.call.Attempts[n-1].StreamID
	return p.do("measured", SessionEnded{Attempt: n, StreamID: id, Reason: EndModelLost, Measures: m, At: p.next()},
		Reported{Attempt: n, Report: ProviderReport{ProviderCallID: fmt.Sprintf("CA%d", n), Status: Completed, Sequence: 9, Minutes: minutes}, At: p.at.Add(2 * time.Second)})
}

func talked(t testing.TB, r Rules) *path {
	return start(t, r).claimed().intended().bound().streaming().greeted()
}

func TestCostIsTheSumOfAllAttempts(t *testing.T) {
	p := talked(t, priced(0.014)).measured(testMeasures(1), 2)
	p = p.claimed().intended().bound().streaming().greeted().measured(testMeasures(3), 1)
	d := p.call.Document()
	want := CostDocument{
		Currency: "USD", Total: pointer(0.082004), Model: pointer(0.04), Transcription: pointer(0.000004), Phone: pointer(0.042),
		ModelName: "gpt-realtime-2.1", PricesAsOf: "2026-11-23", Tokens: Tokens{4, 4, 4, 4, 4, 4}, TranscriptionSeconds: 0.4, PhoneMinutes: 3,
	}
	if got, want := mustJSON(t, d.Cost), mustJSON(t, want); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if d.Quality.Attempt != 2 || d.Quality.Turns != 3 || *d.Quality.TurnMaxMS != 300 {
		t.Errorf("%+v", d.Quality)
	}
}

func pointer(v float64) *float64 { return &v }

func TestWhatIsNotKnownIsNullAndSaysWhy(t *testing.T) {
	unpriced := testMeasures(1)
	unpriced.Cost.ModelUSD, unpriced.Cost.Unknown = nil, []string{"prices.models has no price of x"}
	for _, c := range []struct {
		name  string
		path  *path
		null  []string
		known map[string]float64
		why   []string
	}{
		{"everything known", talked(t, priced(0)).measured(testMeasures(1), 1), nil, map[string]float64{"total": 0.010001, "model": 0.01, "transcription": 0.000001, "phone": 0}, nil},
		{"no price of the phone", talked(t, testRules()).measured(testMeasures(1), 1), []string{"total", "phone"}, map[string]float64{"model": 0.01}, []string{"prices.phone_minute is not set"}},
		{"minutes not reported yet", talked(t, priced(0.014)).do("", SessionEnded{Attempt: 1, StreamID: sid, Reason: EndModelLost, Measures: testMeasures(1), At: t0.Add(time.Hour)}), []string{"total", "phone"}, nil, []string{"the phone company has not reported its minutes"}},
		{"a model without a price", talked(t, priced(0)).measured(unpriced, 1), []string{"total", "model"}, map[string]float64{"transcription": 0.000001, "phone": 0}, []string{"prices.models has no price of x"}},
		{"a session that was lost", talked(t, priced(0.014)).measured(nil, 1), []string{"total", "model", "transcription"}, map[string]float64{"phone": 0.014}, []string{"a media session has not reported what it used"}},
	} {
		var d struct {
			Cost map[string]any
		}
		if err := json.Unmarshal([]byte(mustJSON(t, c.path.call.Document())), &d); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"total", "model", "transcription", "phone"} {
			got, there := d.Cost[part]
			if want := !slices.Contains(c.null, part); !there || want != (got != nil) {
				t.Errorf("%s: %s is %v", c.name, part, got)
			}
			if want, ok := c.known[part]; ok && got != want {
				t.Errorf("%s: %s is %v, want %v", c.name, part, got, want)
			}
		}
		if got, _ := json.Marshal(d.Cost["unknown"]); string(got) != mustJSON(t, c.why) {
			t.Errorf("%s: because %s, want %q", c.name, got, c.why)
		}
	}
}

func TestNothingIsSaidOfTheCostBeforeThereIsOne(t *testing.T) {
	for name, p := range map[string]*path{
		"dialled": start(t, priced(0.014)).claimed().intended().bound(), "busy": start(t, priced(0.014)).claimed().intended().bound().reported(Busy, 1), "talking": talked(t, priced(0.014)),
	} {
		if d := p.call.Document(); d.Cost != nil || d.Quality != nil {
			t.Errorf("%s: %s, %s", name, mustJSON(t, d.Cost), mustJSON(t, d.Quality))
		}
	}
}

// A machine's verdict, or the sweep, ends an attempt before its session can say what it used.
func TestASessionThatEndsAfterItsAttemptIsStillMeasured(t *testing.T) {
	p := start(t, priced(0)).claimed().intended().bound().streaming()
	p = p.do("machine", MachineHeard{Attempt: 1, ProviderCallID: ca1, At: p.next()})
	was := p.call.Attempts[0]
	p = p.do("measured", SessionEnded{Attempt: 1, StreamID: sid, Reason: EndMachine, Measures: testMeasures(1), Words: "w", At: p.next()})
	is := p.call.Attempts[0]
	if is.Measures == nil || is.EndReason != was.EndReason || !is.EndedAt.Equal(*was.EndedAt) || is.Error != was.Error {
		t.Errorf("%+v", is)
	}
	if next, changed := p.rules.Next(p.call, SessionEnded{Attempt: 1, StreamID: "another", Measures: testMeasures(2), At: p.next()}); changed {
		t.Errorf("another stream's measures were taken: %s", mustJSON(t, next))
	}
	p = p.do("late usage", Measured{Attempt: 1, StreamID: sid, Measures: testMeasures(2), At: p.next()})
	if got := p.call.Document().Cost.Tokens.AudioOut; got != 2 {
		t.Errorf("%d tokens; the last word counts", got)
	}
}
