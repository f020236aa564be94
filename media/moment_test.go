package media

import (
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// moments are those of a kind.
func momentsOf(r *rig, kind MomentKind) (all []Moment) {
	for _, m := range r.moments {
		if m.Kind == kind {
			all = append(all, m)
		}
	}
	return all
}

func TestAKeyIsNoticedAndNotToldToTheModel(t *testing.T) {
	r := greeted(t, testConfig())
	before := len(r.sent)
	for _, digit := range []string{"5", "*", "#", "A"} {
		r.do(twiliostream.Event{Kind: twiliostream.DTMF, Digit: digit})
	}
	for _, none := range []string{"", "12", "a", "\x00", "E", "٣"} {
		r.do(twiliostream.Event{Kind: twiliostream.DTMF, Digit: none})
	}
	got := ""
	for _, m := range momentsOf(r, MomentDTMF) {
		got += m.Name
	}
	r.expect(got == "5*#A", "keys %q", got)
	r.expect(len(r.sent) == before && !r.hungUp, "and nothing else happens")
}

// TestWordsSayWhereTheyBelong: they come late, and not in the order in which they were said.
func TestWordsSayWhereTheyBelong(t *testing.T) {
	r := greeted(t, testConfig())
	r.moments = nil
	r.do(CalleeStarted{ItemID: "u"}, CalleeStopped{ItemID: "u"}, CalleeCommitted{ItemID: "u"})
	committed := r.c.sinceStart()
	r.wait(700 * time.Millisecond)
	r.do(CalleeTranscript{ItemID: "u", Text: "Tuesday?"})
	all := momentsOf(r, MomentTranscript)
	r.expect(len(all) == 1, "told once: %+v", all)
	r.expect(all[0].Speaker == SpeakerCallee && all[0].Name == "u" && all[0].MS == committed && all[0].Text == "Tuesday?", "and where: %+v, want %d ms", all[0], committed)
}
