package stream

import (
	"net/http"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/wiring"
	"github.com/clawdbot/call-agent/internal/config"
)

// FromConfig is what a session needs of a configuration.
func FromConfig(c *config.Config) Config {
	return Config{
		BaseURL: c.OpenAI.BaseURL, Model: c.OpenAI.Model, Voice: c.OpenAI.Voice, APIKey: c.OpenAI.APIKey.Reveal(),
		InputFormat: c.OpenAI.InputFormat, OutputFormat: c.OpenAI.OutputFormat,
		Prices:      c.Prices,
		MaxSessions: c.MaxSessions, MaxCall: wiring.MaxCall(c),
		SilencePrompt: c.SilencePrompt, SilenceHangup: c.SilenceHangup, BackchannelGuard: c.BackchannelGuard,
	}
}

// UpgradeCheckOf is the provider's check of the stream's upgrade, or nil where it signs
// none. With "warn" a stream without a valid signature is counted and goes on, since the
// token is the authority on the stream (contract section 2).
func UpgradeCheckOf(c *config.Config, phone call.Telephony) *UpgradeCheck {
	signing, ok := phone.(interface {
		ValidateUpgrade(r *http.Request, streamBaseURL string) error
	})
	if !ok {
		return nil
	}
	return &UpgradeCheck{
		Validate: signing.ValidateUpgrade, Hosts: wiring.StreamHosts(c),
		Require: c.Twilio.ValidateStreamSignature == config.StreamSignatureRequire,
	}
}

// Mount serves the streams at their paths of contract section 2.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("/voice/stream", h)
	mux.Handle("/voice/stream/{token}", h)
}
