package twiliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Codes of Twilio's REST errors that the fake gives.
const (
	codeConcurrency     = 10004
	codeUnknownParam    = 20001
	codeAuthenticate    = 20003
	codeNotFound        = 20404
	codeTooManyRequests = 20429
	codeMissingTo       = 21201
	codeURLInvalid      = 21205
	codeUnverifiedFrom  = 21210
	codeInvalidTo       = 21211
	codeInvalidFrom     = 21212
	codeMissingFrom     = 21213
	codeGeoBlocked      = 21215
	codeNotInProgress   = 21220
	codeAsyncAMD        = 21262
	codeStatusEvent     = 21626
)

// restError is a refusal in Twilio's shape.
type restError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

func refuse(status, code int, format string, args ...any) *restError {
	return &restError{
		Code: code, Message: fmt.Sprintf(format, args...), Status: status,
		MoreInfo: fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code),
	}
}

// refusalOf words a scripted Fault as Twilio does.
func refusalOf(f Fault, to string) *restError {
	switch f.Code {
	case codeTooManyRequests:
		return refuse(f.Status, f.Code, "Too Many Requests")
	case codeConcurrency:
		return refuse(f.Status, f.Code, "Call concurrency limit exceeded")
	case codeInvalidTo:
		return refuse(f.Status, f.Code, "The phone number you are attempting to call, %s, is not valid.", to)
	case codeGeoBlocked:
		return refuse(f.Status, f.Code, "Account not authorized to call %s. Perhaps you need to enable some international permissions: "+
			"https://www.twilio.com/console/voice/calls/geo-permissions/low-risk", to)
	default:
		return refuse(f.Status, f.Code, "Scripted error %d", f.Code)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("twiliotest: an answer of ours does not encode: %v", err)) //nolint:forbidigo // a mistake of this package, in types that always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Twilio-Request-Id", newSID("RQ"))
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the client may have gone
}
