package mock

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

func TestStartCallHandsOutBothLinks(t *testing.T) {
	p := New(Options{PublicURL: "http://localhost:4545/agent/"})
	token := call.StreamToken{CallID: "k3_Q-9", Attempt: 2}.Sign([]byte("secret"))
	started, err := p.StartCall(t.Context(), call.Dial{CallID: "k3_Q-9", Attempt: 2, StreamToken: token, StreamURL: "ws://localhost:4545/agent/voice/stream/" + token})
	if err != nil || started.ProviderCallID != "mock-k3_Q-9-2" || started.StreamURL != "ws://localhost:4545/agent/voice/stream/"+token {
		t.Errorf("%+v, %v", started, err)
	}
	if want := "http://localhost:4545/agent/mock#callId=k3_Q-9&token=" + token; started.Hint != want {
		t.Errorf("hint %s\nwant %s", started.Hint, want)
	}
}

func TestNoWebhookIsEverAccepted(t *testing.T) {
	p := New(Options{})
	r := httptest.NewRequest(http.MethodPost, "/status", nil)
	r.Header.Set("X-Twilio-Signature", "x")
	if err := p.ValidateRequest(r, nil, ""); !errors.Is(err, ErrNoWebhooks) {
		t.Error(err)
	}
	if _, err := p.MapStatus(url.Values{"CallStatus": {"completed"}}); !errors.Is(err, ErrNoWebhooks) {
		t.Error(err)
	}
}

func TestOurRecordDecides(t *testing.T) {
	p := New(Options{})
	r, found, err := p.LookUp(context.Background(), call.LookUp{ProviderCallID: "mock-a-1"})
	if err != nil || !found || r.Status != call.Ringing || r.ProviderCallID != "mock-a-1" || r.Sequence != -1 {
		t.Errorf("%+v %t %v", r, found, err)
	}
	if err := p.EndCall(context.Background(), "mock-a-1"); err != nil {
		t.Error(err)
	}
	if p.Name() != "mock" {
		t.Error(p.Name())
	}
}

func TestVoiceResponseKnowsEveryKind(t *testing.T) {
	p := New(Options{})
	for _, k := range []call.VoiceKind{call.VoiceConnect, call.VoiceHangUp, call.VoiceApology, call.VoiceInbound} {
		if _, body, err := p.VoiceResponse(call.VoiceReply{Kind: k}); err != nil || len(body) == 0 {
			t.Errorf("%d: %q, %v", k, body, err)
		}
	}
	if _, _, err := p.VoiceResponse(call.VoiceReply{Kind: 99}); err == nil {
		t.Error("an unknown kind was rendered")
	}
}
