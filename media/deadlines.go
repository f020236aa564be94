package media

import "time"

// alarm names one of the times at which the conversation acts by itself.
type alarm int

// The alarms. When several are due at once, they go off in this order.
const (
	alarmPhoneStall alarm = iota // no message from the phone
	alarmHangUp                  // a final mark that did not come back
	alarmReconnect               // a connection that was lost, and no other came in time
	alarmFarewell                // a farewell that was not made in time
	alarmMaxLength               // the call is long enough
	alarmSpeak                   // the greeting is due and nothing is heard of it
	alarmGreet                   // nobody said a word: the agent begins
	alarmDisclosure              // the disclosure's last mark did not come back
	alarmPlayed                  // marks that did not come back, of audio that must have been played
	alarmGate                    // a response that was asked for and never came, never went on, or never ended
	alarmBackoff                 // the rate limit is over
	alarmRedial                  // the model is dialled once more
	alarmRenew                   // the model's connection will end by itself
	alarmWatch                   // an interruption that led to nothing
	alarmVADStall                // the phone went quiet in the callee's speech
	alarmFiller                  // a tool takes long, and nothing is to be heard
	alarmPrompt                  // are you still there?
	alarmSilence                 // nobody is there
	alarmLinger                  // no more waiting for transcripts
	alarms
)

// deadlines is the conversation's only clock: a time for each alarm, zero for none.
type deadlines struct {
	// soonest is no later than any of them, zero where none is set. Most are only ever put off,
	// by every frame: they are looked through when this time has come, and not before.
	soonest time.Time
	at      [alarms]time.Time
}

func (d *deadlines) clear(a alarm)      { d.at[a] = time.Time{} }
func (d *deadlines) armed(a alarm) bool { return !d.at[a].IsZero() }

func (d *deadlines) set(a alarm, at time.Time) {
	d.at[a] = at
	if d.soonest.IsZero() || at.Before(d.soonest) {
		d.soonest = at
	}
}

// next is when to look for the next one that is due; false if none is set.
func (d *deadlines) next() (at time.Time, ok bool) { return d.soonest, !d.soonest.IsZero() }

// look finds the soonest.
func (d *deadlines) look() {
	d.soonest = time.Time{}
	for _, t := range d.at {
		if !t.IsZero() && (d.soonest.IsZero() || t.Before(d.soonest)) {
			d.soonest = t
		}
	}
}

// phoneAlarms are those that conclude something from what the phone has not sent.
var phoneAlarms = [...]alarm{alarmPhoneStall, alarmHangUp, alarmDisclosure, alarmPlayed, alarmVADStall}

// putOff puts those of the phone that are due at now off: it may have sent what they wait for.
func (d *deadlines) putOff(now, until time.Time) {
	for _, a := range phoneAlarms {
		if d.armed(a) && !d.at[a].After(now) {
			d.set(a, until)
		}
	}
}

// take returns one alarm that is due at now and how late it is, and clears it.
func (d *deadlines) take(now time.Time) (a alarm, late time.Duration, ok bool) {
	if d.soonest.IsZero() || d.soonest.After(now) {
		return 0, 0, false
	}
	for a, t := range d.at {
		if !t.IsZero() && !t.After(now) {
			d.clear(alarm(a))
			return alarm(a), now.Sub(t), true
		}
	}
	d.look()
	return 0, 0, false
}
