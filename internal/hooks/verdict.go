package hooks

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/clawdbot/call-agent/call"
)

// verdict is what an answer's status means for the notice (contract section 4), nil for
// delivered.
func verdict(status int, body []byte) error {
	switch {
	case status == http.StatusOK, status == http.StatusAccepted:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooManyRequests, status >= 500:
		return &call.NotifyError{Retry: true, Err: answered(status, "it is sent again")}
	case status == http.StatusBadRequest && routed(body):
		return &call.NotifyError{WithoutRouting: true, Err: answered(status, "it may not know the request's origin")}
	}
	return &call.NotifyError{Err: answered(status, mend(status))}
}

func answered(status int, words string) error {
	return fmt.Errorf("the hooks host answered %d: %s", status, words)
}

// mend says what the operator can do about a notice that is given up.
func mend(status int) string {
	switch {
	case status == http.StatusBadRequest:
		return "if notify.sessionKey is set, allow it on the host (hooks.allowRequestSessionKey) or remove it"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "set notify.hooksToken to the host's hooks token"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return "enable hooks on the host and set notify.hooksUrl to their address, such as https://host/hooks"
	case status >= 300 && status < 400:
		return "redirects are not followed; set notify.hooksUrl to the address it leads to"
	}
	return "check that notify.hooksUrl leads to the host's hooks"
}

// routed says whether a body has routing fields that could be left out.
func routed(body []byte) bool {
	var r routing
	return json.Unmarshal(body, &r) == nil && r != routing{}
}
