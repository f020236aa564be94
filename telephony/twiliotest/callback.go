package twiliotest

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// sipCodes are the SipResponseCode of calls that nobody answered.
var sipCodes = map[string]string{statusBusy: "486", statusNoAnswer: "487", statusCanceled: "487", statusFailed: "404"}

// report sends a status callback if the create request subscribed to the event; by default
// only the end is told. Undelayed callbacks of one call arrive in order, one at a time.
func (c *Call) report(event, status string) {
	target := c.form.Get("StatusCallback")
	events := c.form["StatusCallbackEvent"]
	if len(events) == 0 {
		events = []string{statusCompleted}
	}
	if target == "" || !slices.Contains(events, event) {
		return
	}
	fields, sequence := c.statusFields(event, status)
	delays := []time.Duration{0}
	if deliver := c.answer.Nasty.Deliver; deliver != nil {
		delays = deliver(sequence, status)
	}
	h := hook{url: target, method: c.form.Get("StatusCallbackMethod")}
	for _, delay := range delays {
		c.deliver(h, fields, delay)
	}
}

// statusFields takes the next SequenceNumber.
func (c *Call) statusFields(event, status string) (url.Values, int) {
	fields := c.fields(status)
	c.mu.Lock()
	defer c.mu.Unlock()
	sequence := c.sequence
	c.sequence++
	fields.Set("CallbackSource", "call-progress-events")
	fields.Set("SequenceNumber", strconv.Itoa(sequence))
	fields.Set("Timestamp", *rfc2822(time.Now()))
	if event == statusCompleted {
		seconds := c.seconds()
		fields.Set("CallDuration", strconv.Itoa(seconds))
		fields.Set("Duration", strconv.Itoa((seconds+59)/60))
		code := sipCodes[status]
		if code == "" {
			code = "200"
		}
		fields.Set("SipResponseCode", code)
	}
	return fields, sequence
}

// deliver chains undelayed callbacks one after the other and lets delayed ones fall where they may.
func (c *Call) deliver(h hook, fields url.Values, delay time.Duration) {
	if delay > 0 {
		c.work.Go(func() {
			if pause(c.server.ctx, delay) {
				c.notify(c.server.ctx, "status", h, fields)
			}
		})
		return
	}
	sent := make(chan struct{})
	c.mu.Lock()
	before := c.lastCallback
	c.lastCallback = sent
	c.mu.Unlock()
	c.work.Go(func() {
		defer close(sent)
		if before != nil {
			<-before
		}
		if c.server.ctx.Err() == nil {
			c.notify(c.server.ctx, "status", h, fields)
		}
	})
}

// detectMachine gives the verdict of answering-machine detection as the request wants it: a
// synchronous one holds the TwiML back. It returns false if the call ended meanwhile.
func (c *Call) detectMachine() bool {
	if !c.form.Has("MachineDetection") {
		return true
	}
	after := c.answer.Machine.After
	if after <= 0 {
		after = 3 * time.Second
	}
	if c.form.Get("AsyncAmd") != "true" {
		if !pause(c.ctx, after) {
			return false
		}
		c.verdict()
		return true
	}
	if c.answer.Machine.BeforeVoice {
		c.reportVerdict(after)
		return c.ctx.Err() == nil
	}
	c.work.Go(func() {
		if pause(c.ctx, after) {
			c.reportVerdict(after)
		}
	})
	return true
}

// verdict makes the machine detection's result part of the resource.
func (c *Call) verdict() string {
	answeredBy := c.answer.Machine.AnsweredBy
	if answeredBy == "" {
		answeredBy = "human"
	}
	c.mu.Lock()
	c.answeredBy = answeredBy
	c.mu.Unlock()
	c.observe(MachineVerdict, answeredBy)
	return answeredBy
}

// reportVerdict posts the asynchronous verdict; it has no SequenceNumber.
func (c *Call) reportVerdict(after time.Duration) {
	fields := url.Values{
		"AccountSid": {c.server.options.AccountSID}, "CallSid": {c.sid}, "AnsweredBy": {c.verdict()},
		"MachineDetectionDuration": {strconv.FormatInt(after.Milliseconds(), 10)},
	}
	h := hook{url: c.form.Get("AsyncAmdStatusCallback"), method: c.form.Get("AsyncAmdStatusCallbackMethod")}
	c.notify(c.server.ctx, "machine detection", h, fields)
}
