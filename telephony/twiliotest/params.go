package twiliotest

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// check refuses a parameter's value, or returns nil.
type check func(name, value string) *restError

// createParams are the form fields of a create request. Twilio ignores others; the fake refuses
// them, because a misspelt one silently loses what was meant.
var createParams = map[string]check{
	"To": anything, "From": anything, "Url": webURL, "Twiml": atMost(4000), "ApplicationSid": sid("AP"),
	"Method": method, "FallbackUrl": webURL, "FallbackMethod": method,
	"StatusCallback": webURL, "StatusCallbackMethod": method,
	"StatusCallbackEvent": statusEvent, "SendDigits": matching(`^[0-9A-D#*wW]{0,32}$`),
	"Timeout": between(1, 600), "TimeLimit": between(1, 86400), "Record": oneOf("true", "false"),
	"RecordingChannels": oneOf("mono", "dual"), "RecordingTrack": oneOf("inbound", "outbound", "both"),
	"Trim": oneOf("trim-silence", "do-not-trim"), "RecordingStatusCallback": webURL,
	"RecordingStatusCallbackMethod": method, "RecordingStatusCallbackEvent": oneOf("in-progress", "completed", "absent"),
	"SipAuthUsername": anything, "SipAuthPassword": anything, "CallerId": anything, "CallToken": anything,
	"MachineDetection": oneOf("Enable", "DetectMessageEnd"), "MachineDetectionTimeout": between(3, 59),
	"MachineDetectionSpeechThreshold":    between(1000, 6000),
	"MachineDetectionSpeechEndThreshold": between(500, 5000), "MachineDetectionSilenceTimeout": between(2000, 10000),
	"AsyncAmd": oneOf("true", "false"), "AsyncAmdStatusCallback": webURL, "AsyncAmdStatusCallbackMethod": method,
	"Byoc": sid("BY"), "CallReason": atMost(50), "ClientNotificationUrl": webURL,
}

var updateParams = map[string]check{
	"Url": webURL, "Method": method, "Twiml": atMost(4000), "Status": oneOf("canceled", "completed"),
	"FallbackUrl": webURL, "FallbackMethod": method, "StatusCallback": webURL, "StatusCallbackMethod": method,
	"TimeLimit": between(1, 86400),
}

// repeatable are the fields sent once per value.
var repeatable = []string{"StatusCallbackEvent", "RecordingStatusCallbackEvent"}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// checkForm holds a form against a table.
func checkForm(form url.Values, known map[string]check) *restError {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		valid, ok := known[name]
		if !ok {
			return refuse(400, codeUnknownParam, "Unknown parameter %s", name)
		}
		if len(form[name]) > 1 && !slices.Contains(repeatable, name) {
			return refuse(400, codeUnknownParam, "Parameter %s was given %d times", name, len(form[name]))
		}
		for _, value := range form[name] {
			if fault := valid(name, value); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// checkCreate adds what concerns several fields at once.
func (s *Server) checkCreate(form url.Values) *restError {
	if fault := checkForm(form, createParams); fault != nil {
		return fault
	}
	to, from := form.Get("To"), form.Get("From")
	switch {
	case to == "":
		return refuse(400, codeMissingTo, "No 'To' number is specified")
	case from == "":
		return refuse(400, codeMissingFrom, "No 'From' number is specified")
	case !e164.MatchString(from):
		return refuse(400, codeInvalidFrom, "The source phone number provided, %s, is not valid.", from)
	case len(s.options.Numbers) > 0 && !slices.Contains(s.options.Numbers, from):
		return refuse(400, codeUnverifiedFrom, "The source phone number provided, %s, is not yet verified for your account. "+
			"You may only make calls from phone numbers that you've verified or purchased from Twilio.", from)
	case !e164.MatchString(to):
		return refuse(400, codeInvalidTo, "The phone number you are attempting to call, %s, is not valid.", to)
	case !form.Has("Url") && !form.Has("Twiml") && !form.Has("ApplicationSid"):
		return refuse(400, codeURLInvalid, "Url parameter is required.")
	case form.Get("AsyncAmd") == "true" && !form.Has("AsyncAmdStatusCallback"):
		return refuse(400, codeAsyncAMD, "AsyncAmdStatusCallback is required with AsyncAmd")
	case form.Get("AsyncAmd") == "true" && !form.Has("MachineDetection"):
		return refuse(400, codeAsyncAMD, "AsyncAmd needs MachineDetection")
	}
	return nil
}

func anything(string, string) *restError { return nil }

func invalid(name, value string) *restError {
	return refuse(400, codeUnknownParam, "Invalid parameter %s: %q", name, value)
}

func matching(pattern string) check {
	compiled := regexp.MustCompile(pattern)
	return func(name, value string) *restError {
		if !compiled.MatchString(value) {
			return invalid(name, value)
		}
		return nil
	}
}

func sid(prefix string) check { return matching(sidPattern(prefix).String()) }

func sidPattern(prefix string) *regexp.Regexp {
	return regexp.MustCompile("^" + prefix + "[0-9a-fA-F]{32}$")
}

func oneOf(values ...string) check {
	return func(name, value string) *restError {
		if !slices.Contains(values, value) {
			return invalid(name, value)
		}
		return nil
	}
}

func atMost(n int) check {
	return func(name, value string) *restError {
		if value == "" || len([]rune(value)) > n {
			return invalid(name, value)
		}
		return nil
	}
}

func between(low, high int) check {
	return func(name, value string) *restError {
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return invalid(name, value)
		}
		return nil
	}
}

func method(name, value string) *restError { return oneOf("GET", "POST")(name, value) }

// statusEvent refuses a list in one value: Twilio takes the key repeated, never joined.
func statusEvent(name, value string) *restError {
	if oneOf("initiated", "ringing", "answered", "completed")(name, value) != nil {
		return refuse(400, codeStatusEvent, "Invalid values (%s) set for %s", value, name)
	}
	return nil
}

// webURL wants what Twilio could fetch; "no public host" is left out, since ours is loopback.
func webURL(name, value string) *restError {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Contains(u.Hostname(), "_") {
		return refuse(400, codeURLInvalid, "%s is not a valid URL: %s", name, value)
	}
	return nil
}
