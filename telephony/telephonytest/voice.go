package telephonytest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

var connect = call.VoiceReply{
	Kind: call.VoiceConnect, CallID: "k3_Q-9", Attempt: 1,
	StreamURL: "wss://media.example/voice/stream/k3_Q-9.1.1764000000.AbC-_d",
	AfterURL:  publicURL + "/voice?callId=k3_Q-9&attempt=1&after=stream",
}

// voice: each kind has an answer of its own, the same every time; only a connected call
// is told where its stream is.
func voice(r *rig) {
	seen := map[string]call.VoiceKind{}
	for _, kind := range []call.VoiceKind{call.VoiceConnect, call.VoiceHangUp, call.VoiceApology, call.VoiceInbound} {
		v := connect
		v.Kind = kind
		body := r.render(v)
		if body != r.render(v) {
			r.Errorf("kind %d is not rendered alike twice", kind)
		}
		if other, twice := seen[body]; twice {
			r.Errorf("kinds %d and %d are rendered alike: %s", kind, other, body)
		}
		seen[body] = kind
		if strings.Contains(body, connect.StreamURL) != (kind == call.VoiceConnect) {
			r.Errorf("kind %d: %s", kind, body)
		}
		if kind != call.VoiceConnect && strings.Contains(body, string(v.CallID)) {
			r.Errorf("kind %d names the call: %s", kind, body)
		}
	}
	for what, v := range map[string]call.VoiceReply{
		"a stream without a URL": {Kind: call.VoiceConnect, CallID: "k3_Q-9", Attempt: 1, AfterURL: connect.AfterURL},
		"an unknown kind":        {Kind: 99},
		"a negative kind":        {Kind: -1},
	} {
		if _, body, err := r.phone.VoiceResponse(v); err == nil {
			r.Errorf("%s was rendered: %s", what, body)
		}
	}
}

// render returns an answer that must be well-formed for what it says it is.
func (r *rig) render(v call.VoiceReply) string {
	r.Helper()
	contentType, body, err := r.phone.VoiceResponse(v)
	if err != nil || len(body) == 0 {
		r.Fatalf("kind %d: %q, %v", v.Kind, body, err)
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		r.Errorf("content type %q: %v", contentType, err)
	}
	switch {
	case strings.HasSuffix(kind, "xml"):
		err = wellFormed(body)
	case strings.HasSuffix(kind, "json") && !json.Valid(body):
		err = errors.New("no JSON")
	}
	if err != nil {
		r.Errorf("%s: %v\n%s", contentType, err, body)
	}
	return string(body)
}

func wellFormed(body []byte) error {
	for d := xml.NewDecoder(strings.NewReader(string(body))); ; {
		switch _, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
