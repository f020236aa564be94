package media

import (
	"cmp"
	"encoding/base64"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

const (
	// waitingBytes is the callee's audio kept until the model is ready: 4.5 s, so that a
	// hello is heard whole by a model whose handshake takes 3 s. It is less than what the
	// writer's queue takes at once (mostHeard), or that would drop what was kept.
	waitingBytes = 4500 * bytesPerMS
	// gapTolerance is how far a timestamp may be off before it is a gap: one frame.
	gapTolerance = 20
	// gapMost bounds the silence put into one gap; a phone that is away longer is lost.
	gapMost = 10_000
	// vadStallAfter and vadStallMS: speech that the phone stopped sending in its middle
	// never ends for the model, whose voice detection counts audio, not time (research section 5).
	vadStallAfter = 750 * time.Millisecond
	vadStallMS    = 1000
	// heldUp is how late an alarm goes off on a host that is not held up, at most.
	heldUp = 100 * time.Millisecond
	// badFramesMost is how many unusable messages in a row a phone may send.
	badFramesMost = 25
)

// inbound is the callee's audio on its way to the model.
type inbound struct {
	// waiting is kept until the model is ready; the oldest goes first.
	waiting []string
	bytes   int
	// nextMS is the timestamp that follows what was appended; -1 before the first.
	nextMS int
	begun  bool
}

// wait keeps a payload and returns how many were dropped for it.
func (in *inbound) wait(payload string) (dropped int) {
	in.waiting = append(in.waiting, strings.Clone(payload))
	in.bytes += twiliostream.DecodedLen(payload)
	for in.bytes > waitingBytes && len(in.waiting) > 1 {
		in.bytes -= twiliostream.DecodedLen(in.waiting[0])
		in.waiting = in.waiting[1:]
		dropped++
	}
	return dropped
}

// gap returns the silence, in milliseconds, that is missing before audio of n bytes
// that is stamped ts, and moves the clock behind it.
func (in *inbound) gap(ts, n int) (missingMS int) {
	if ts < 0 { // no timestamp: audio follows on audio
		in.nextMS += n / bytesPerMS
		return 0
	}
	if !in.begun {
		in.begun, in.nextMS = true, ts
	}
	if missing := ts - in.nextMS; missing > gapTolerance {
		missingMS = min(missing, gapMost)
		in.nextMS = ts
	}
	in.nextMS = max(in.nextMS, ts) + n/bytesPerMS
	return missingMS
}

// handlePhone takes what came from the phone.
func (c *conversation) handlePhone(ev any) {
	if c.over {
		return
	}
	if gone, ok := ev.(phoneGone); ok {
		c.finish(c.concluded(gone.reason))
		return
	}
	c.alarms.set(alarmPhoneStall, c.now.Add(c.cfg.PhoneStall))
	switch ev := ev.(type) {
	case phoneStarted:
		c.phoneStarted(ev)
	case phoneBad:
		c.out.Quality.BadFrames++
		if c.badInARow++; c.badInARow > badFramesMost {
			c.finish(EndBadStream)
		}
	case *twiliostream.Event:
		c.badInARow = 0
		c.phoneEvent(ev)
	}
}

func (c *conversation) phoneStarted(ev phoneStarted) {
	c.started, c.out.StartedAt = true, cmp.Or(ev.at, c.now)
	c.cfg.Tape.begin(c.out.StartedAt)
	c.alarms.set(alarmMaxLength, c.now.Add(c.cfg.MaxLength))
	c.observe(Moment{Kind: MomentStarted})
	if c.apologyDue != "" {
		c.apologise(c.apologyDue)
		return
	}
	c.armGreeting()
}

func (c *conversation) phoneEvent(ev *twiliostream.Event) {
	switch ev.Kind {
	case twiliostream.Media:
		c.calleeAudio(ev)
	case twiliostream.Mark:
		c.markEchoed(ev.Mark)
	case twiliostream.Stop:
		c.finish(c.concluded(EndCalleeHangup))
	case twiliostream.DTMF:
		c.keyPressed(ev.Digit)
	case twiliostream.Connected, twiliostream.Started, twiliostream.Other:
	}
}

// keys are what a telephone can send.
const keys = "0123456789*#ABCD"

// keyPressed takes note of a key. The model is not told: it has no menu to offer, and
// what somebody types into a telephone may be a secret.
func (c *conversation) keyPressed(digit string) {
	if len(digit) == 1 && strings.Contains(keys, digit) {
		c.observe(Moment{Kind: MomentDTMF, Name: digit})
	}
}

// calleeAudio passes audio on to the model, after filling the gap before it.
func (c *conversation) calleeAudio(ev *twiliostream.Event) {
	law := ev.Decoded
	if law == nil {
		law = decodeLaw(ev.Payload)
	}
	if missing := c.inbox.gap(ev.TimestampMS, len(law)); missing > 0 {
		c.fill(missing)
	}
	c.cfg.Tape.heard(c.now, ev.TimestampMS, law)
	c.guardHears(law)
	c.hear(ev.Payload, law)
	c.alarms.clear(alarmVADStall)
	if c.talk.speaking || c.guard.held {
		c.alarms.set(alarmVADStall, c.now.Add(vadStallAfter))
	}
}

// fill appends silence, in messages of at most a second.
func (c *conversation) fill(ms int) {
	c.out.Quality.FilledMS += ms
	for ms > 0 {
		n := min(ms, 1000)
		law := silence(n * bytesPerMS)
		c.hear(base64.StdEncoding.EncodeToString(law), law)
		ms -= n
	}
}

// hear gives audio to the model, once there is one (research section 3: nothing is
// appended before the session is configured). Its payload is that of law.
func (c *conversation) hear(payload string, law []byte) {
	switch {
	case c.gone:
	case c.ready:
		if c.ear.passes() {
			c.fx.passOn(payload)
		} else {
			hearing := newHear()
			hearing.holds(c.ear.hear(hearing.buffer[:0], law))
			c.fx.sendAgent(hearing)
		}
		c.recall.add(law, true)
	case c.link.had: // it is heard again
		c.out.Quality.DroppedIn += c.recall.add(law, false)
	default:
		c.out.Quality.DroppedIn += c.inbox.wait(payload)
	}
}

// vadStall ends speech whose end the phone never sent. An alarm that is late itself
// says that this host was held up, not the phone, whose audio is still on its way.
func (c *conversation) vadStall(late time.Duration) {
	if !c.talk.speaking && !c.guard.held || c.gone {
		return
	}
	if late > heldUp {
		c.alarms.set(alarmVADStall, c.now.Add(vadStallAfter))
		return
	}
	c.fill(vadStallMS)
	c.inbox.nextMS += vadStallMS
}

// hearWaiting gives the first connection what came before it.
func (c *conversation) hearWaiting() {
	for _, payload := range c.inbox.waiting {
		c.hear(payload, decodeLaw(payload))
	}
	c.inbox.waiting = nil
}
