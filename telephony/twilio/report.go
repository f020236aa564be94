package twilio

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// statuses are Twilio's call statuses in our words (research sections 1.1 and 3). A
// queued or initiated call is one that we are dialling.
var statuses = map[string]call.Status{
	"queued":      call.Dialing,
	"initiated":   call.Dialing,
	"ringing":     call.Ringing,
	"in-progress": call.InProgress,
	"completed":   call.Completed,
	"busy":        call.Busy,
	"no-answer":   call.NoAnswer,
	"failed":      call.Failed,
	"canceled":    call.Canceled,
}

// MapStatus reads the form of a voice, status or machine-detection webhook. Unknown
// fields are ignored, since Twilio adds to them without notice. A machine verdict
// carries no CallStatus; its report has an empty Status.
func (p *Provider) MapStatus(form url.Values) (call.ProviderReport, error) {
	r := call.ProviderReport{
		ProviderCallID: form.Get("CallSid"),
		Foreign:        form.Get("AccountSid") != p.accountSID,
		Sequence:       -1,
		Machine:        machine(form.Get("AnsweredBy")),
		Minutes:        count(form.Get("Duration")),
	}
	if !isSID(r.ProviderCallID) {
		return call.ProviderReport{}, errors.New("twilio: the webhook has no CallSid that is one")
	}
	if s := form.Get("CallStatus"); s != "" {
		status, ok := statuses[s]
		if !ok {
			return call.ProviderReport{}, fmt.Errorf("twilio: the webhook has an unknown CallStatus of %d characters", len(s))
		}
		r.Status = status
	}
	if s := form.Get("SequenceNumber"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return call.ProviderReport{}, errors.New("twilio: the webhook's SequenceNumber is no number")
		}
		r.Sequence = int(n)
	}
	if t, err := time.Parse(time.RFC1123Z, form.Get("Timestamp")); err == nil {
		r.At = t.UTC()
	}
	if r.Status == call.Busy || r.Status == call.NoAnswer || r.Status == call.Failed || r.Status == call.Canceled {
		r.Words = failureWords(form)
	}
	return r, nil
}

// count reads a number of minutes or seconds. One that cannot be read is not known: it is
// not worth a webhook.
func count(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// machine says whether an AnsweredBy is a machine's or a fax's (research section 3, AMD).
func machine(answeredBy string) bool {
	return strings.HasPrefix(answeredBy, "machine_") || answeredBy == "fax"
}

// longDigits are what may be a phone number, which no word of ours repeats.
var longDigits = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\+?\d[\d ().-]{5,}\d`) })

// failureWords explains a failure: by the network's code where we know it, otherwise
// in Twilio's words, without any number.
func failureWords(form url.Values) string {
	const longest = 200
	if w, ok := sipWords[form.Get("SipResponseCode")]; ok {
		return w
	}
	return call.PlainText(longDigits().ReplaceAllString(form.Get("ErrorMessage"), "(number)"), longest)
}
