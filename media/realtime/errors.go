package realtime

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/clawdbot/call-agent/media"
)

// DialKind says why the model could not be had.
type DialKind int

// Kinds of DialError.
const (
	// DialUnreachable: no answer, or none that makes sense. Another try may work.
	DialUnreachable DialKind = iota
	// DialMisconfigured: our own configuration can't work.
	DialMisconfigured
	// DialUnauthorized: the key is wrong or may not do this.
	DialUnauthorized
	// DialNoModel: there is no such model, or not for this key.
	DialNoModel
	// DialQuota: the account has no credit left.
	DialQuota
	// DialRefused: the session was refused: by its configuration, or for a reason not known here.
	DialRefused
	// DialInsecure: no TLS connection that can be trusted.
	DialInsecure
	// DialBusy: the service is there and takes no session now. A later try may work.
	DialBusy
)

// DialError is why there is no session. Its text says how to mend it and holds no secret.
type DialError struct {
	Kind DialKind
	// Status is that of the HTTP answer, 0 if there was none or it was 101.
	Status int
	// Code is the vendor's, "" if there was none.
	Code string
	Err  error
}

// Error says what is wrong and what to do.
func (e *DialError) Error() string {
	words := map[DialKind]string{
		DialUnreachable:   "the model can't be reached: check the network and openai.baseUrl",
		DialMisconfigured: "the model's configuration is wrong",
		DialUnauthorized:  "the model refuses the key: check openai.apiKey",
		DialNoModel:       "there is no such model for this key: check openai.model",
		DialQuota:         "the account has no credit left: check its billing",
		DialRefused:       "the model refused the session",
		DialInsecure:      "no trusted TLS connection to the model: check openai.baseUrl, this host's clock and its root certificates",
		DialBusy:          "the model takes no session now: try again later, and check the account's rate limits",
	}[e.Kind]
	if e.Status != 0 {
		words += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Code != "" {
		words += " (" + e.Code + ")"
	}
	if e.Err != nil {
		words += ": " + e.Err.Error()
	}
	return words
}

// Is says of the kinds that another try would not mend that they are [media.ErrDialRefused].
func (e *DialError) Is(target error) bool {
	return target == media.ErrDialRefused && e.Kind != DialUnreachable && e.Kind != DialBusy
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// handshakeError classifies an upgrade that failed. Of the answer's body only the
// code is read.
func handshakeError(resp *http.Response, err error) error {
	if resp == nil {
		return &DialError{Kind: unansweredKind(err), Err: err}
	}
	e := &DialError{Status: resp.StatusCode, Code: bodyCode(resp.Body), Err: err}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind = DialUnauthorized
	case http.StatusNotFound:
		e.Kind = DialNoModel
	case http.StatusBadRequest:
		e.Kind = DialRefused
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.Kind = DialBusy
	default:
		e.Kind = DialUnreachable
	}
	if k, ok := fatalCodes[e.Code]; ok {
		e.Kind = k
	}
	return e
}

// unansweredKind tells a server that can't be trusted, or speaks no TLS, from none.
func unansweredKind(err error) DialKind {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	if errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &alert) {
		return DialInsecure
	}
	return DialUnreachable
}

func bodyCode(body io.Reader) string {
	if body == nil {
		return ""
	}
	var b struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(body, 4<<10)).Decode(&b) // no JSON, no code
	return clip(b.Error.Code)
}

// clip bounds a code of the vendor's before it goes into an error, a log or a metric.
func clip(code string) string { return strings.ToValidUTF8(code[:min(len(code), 64)], "") }

// fatalCodes end a session whenever they come (research section 8).
var fatalCodes = map[string]DialKind{
	"invalid_api_key":         DialUnauthorized,
	"insufficient_quota":      DialQuota,
	"model_not_found":         DialNoModel,
	"beta_api_shape_disabled": DialRefused,
	"session_expired":         DialRefused,
}

// classes says what the other known codes mean for a call.
var classes = map[string]media.FaultClass{
	"conversation_already_has_active_response": media.FaultConflict,
	"response_cancel_not_active":               media.FaultBenign,
	"item_not_found":                           media.FaultBenign,
	"item_retrieve_invalid_item_id":            media.FaultBenign,
	"item_truncate_invalid_item_id":            media.FaultBenign,
	"item_delete_invalid_item_id":              media.FaultBenign,
	"input_audio_buffer_commit_empty":          media.FaultBenign,
	"invalid_tool_call_id":                     media.FaultBenign,
	"unknown_parameter":                        media.FaultRequest,
	"missing_required_parameter":               media.FaultRequest,
	"invalid_value":                            media.FaultRequest,
	"invalid_type":                             media.FaultRequest,
	"cannot_update_voice":                      media.FaultRequest,
	"rate_limit_exceeded":                      media.FaultRateLimited,
}

// fault reads an error of the API. Truncations that came too late have only their
// words in common.
func fault(b ErrorBody) media.Fault {
	f := media.Fault{Class: media.FaultUnknown, Code: clip(b.Code), Message: b.Message}
	if f.Code == "" {
		f.Code = clip(b.Type)
	}
	if _, ok := fatalCodes[b.Code]; ok {
		f.Class = media.FaultFatal
	} else if class, ok := classes[b.Code]; ok {
		f.Class = class
	} else if b.Type == "rate_limit_exceeded" {
		f.Class = media.FaultRateLimited
	} else if b.Type == "insufficient_quota" {
		f.Class = media.FaultFatal
	}
	for _, words := range []string{"is already shorter than", "Only model output audio messages can be truncated", "buffer too small"} {
		if strings.Contains(b.Message, words) {
			f.Class = media.FaultBenign
		}
	}
	return f
}
