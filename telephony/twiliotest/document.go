package twiliotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// follow fetches and carries out one TwiML document after the other until the call is over or
// there is nothing left to do.
func (c *Call) follow(next *hook) {
	for next != nil && c.ctx.Err() == nil {
		ctx, cancel := context.WithCancel(c.ctx)
		c.mu.Lock()
		c.document = cancel
		c.mu.Unlock()
		next = c.carryOut(ctx, *next)
		cancel()
		c.mu.Lock()
		if c.redirected != nil {
			next, c.redirected = c.redirected, nil
		}
		c.mu.Unlock()
	}
}

// redirect replaces the running document, which ends its <Connect><Stream>.
func (c *Call) redirect(form url.Values) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.redirected = &hook{
		url: form.Get("Url"), method: form.Get("Method"), twiml: form.Get("Twiml"),
		fallback: form.Get("FallbackUrl"), fallbackMethod: form.Get("FallbackMethod"),
	}
	if c.document != nil {
		c.document()
	}
}

// carryOut does what a document says and returns where the next one comes from, or nil.
func (c *Call) carryOut(ctx context.Context, source hook) *hook {
	document, err := c.fetch(ctx, source)
	if err != nil {
		if ctx.Err() == nil {
			c.applicationError(err)
		}
		return nil
	}
	for _, verb := range document.children {
		if ctx.Err() != nil {
			return nil
		}
		switch verb.name {
		case "Connect":
			c.stream(ctx, verb)
			if action := verb.attrs["action"]; action != "" && ctx.Err() == nil {
				return &hook{url: resolve(source.url, action), method: verb.attrs["method"]}
			}
		case "Say":
			c.say(ctx, strings.Join(strings.Fields(verb.text), " "))
		case "Pause":
			pause(ctx, pauseLength(verb))
		case "Redirect":
			return &hook{url: resolve(source.url, strings.TrimSpace(verb.text)), method: verb.attrs["method"]}
		case "Hangup":
			return nil
		}
	}
	return nil
}

// pauseLength is one second where the document says nothing.
func pauseLength(verb *element) time.Duration {
	seconds, err := strconv.Atoi(verb.attrs["length"])
	if err != nil {
		seconds = 1
	}
	return time.Duration(seconds) * time.Second
}

// applicationError is Twilio's reaction to TwiML it cannot get or read.
func (c *Call) applicationError(err error) {
	code := codeHTTPFailure
	if fault := (*twimlError)(nil); errors.As(err, &fault) {
		code = fault.code
	} else if network := (*url.Error)(nil); errors.As(err, &network) {
		code = codeConnectFailure
	}
	c.violation(code, "TwiML: %v", err)
	c.hangUp("application error")
}

func resolve(base, reference string) string {
	b, err := url.Parse(base)
	if err != nil {
		return reference
	}
	r, err := b.Parse(reference)
	if err != nil {
		return reference
	}
	return r.String()
}

// fetch gets and parses the document; where that fails it tries the fallback, telling it why.
func (c *Call) fetch(ctx context.Context, source hook) (*element, error) {
	if source.twiml != "" {
		return parseTwiML([]byte(source.twiml))
	}
	document, err := c.fetchOnce(ctx, source, c.voiceFields())
	if err == nil || source.fallback == "" || ctx.Err() != nil {
		return document, err
	}
	fields := c.voiceFields()
	fields.Set("ErrorCode", strconv.Itoa(codeHTTPFailure))
	fields.Set("ErrorUrl", source.url)
	return c.fetchOnce(ctx, hook{url: source.fallback, method: source.fallbackMethod}, fields)
}

func (c *Call) fetchOnce(ctx context.Context, h hook, fields url.Values) (*element, error) {
	answer, err := c.call(ctx, h, fields)
	if err != nil {
		return nil, err
	}
	switch {
	case answer.status != http.StatusOK:
		return nil, fmt.Errorf("%s was answered %d", h.url, answer.status)
	case !isXML(answer.contentType):
		return nil, &twimlError{codeContentType, fmt.Sprintf("content type %q is not text/xml", answer.contentType)}
	}
	c.observe(VoiceFetched, string(answer.body))
	if c.answer.Nasty.VoiceTwice {
		c.work.Go(func() { c.fetchAgain(h, fields, answer) })
	}
	return parseTwiML(answer.body)
}

// fetchAgain repeats the request while the first answer is being carried out.
func (c *Call) fetchAgain(h hook, fields url.Values, first reply) {
	second, err := c.call(c.ctx, h, fields)
	if err == nil && (second.status != first.status || !bytes.Equal(second.body, first.body)) {
		c.violation(0, "the same voice webhook got another answer the second time: two streams could start")
	}
}

// voiceFields adds the verdict of synchronous machine detection.
func (c *Call) voiceFields() url.Values {
	fields := c.fields(statusInProgress)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answeredBy != "" && c.form.Get("AsyncAmd") != "true" {
		fields.Set("AnsweredBy", c.answeredBy)
	}
	return fields
}

// say speaks to the callee with Twilio's own voice, or is silent for as long as that would take.
func (c *Call) say(ctx context.Context, text string) {
	c.observe(Said, text)
	const perByte = time.Second / 15 // ordinary speech
	var audio []byte
	if c.server.options.Speak != nil {
		audio = c.server.options.Speak(text)
	}
	if len(audio) == 0 {
		pause(ctx, time.Duration(len(text))*perByte)
		return
	}
	defer c.line.say(nil)
	c.line.say(audio)
	pause(ctx, durationOf(len(audio)))
}
