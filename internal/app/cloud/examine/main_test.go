package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/app/cloud/documenttest"
	"github.com/clawdbot/call-agent/internal/config"
)

func TestADocumentThatFunctionsTakeIsPassed(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"whose address the deployment knows": nil,
		"with an address":                    {"server": map[string]any{"publicBaseUrl": "https://api.example.org"}},
	} {
		if err := examine(documenttest.New(t, change), t.Output()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var said strings.Builder
	if err := examine(documenttest.New(t, map[string]any{"tunnel": map[string]any{"enabled": true}}), &said); err != nil || !strings.HasPrefix(said.String(), "warning: ") {
		t.Errorf("a key that does nothing any more: %q, %v", said.String(), err)
	}
}

func TestWhatFunctionsRefuseIsToldAtOnceWithoutASecret(t *testing.T) {
	t.Setenv("CALLAGENT_CALENDAR_BASE_URL", "https://calendar.example.org") // of whoever deploys, not of what is deployed
	err := examine(documenttest.New(t, map[string]any{
		"calendar": map[string]any{"baseUrl": "http://127.0.0.1:9100", "token": "sk-hidden"}, "defaults": map[string]any{"timezone": "Mars/Olympus"},
		"server": map[string]any{"publicBaseUrl": "http://api.example.org"}, "stream": map[string]any{"secret": "sk-hidden"}, "colour": "sk-hidden",
	}), t.Output())
	var faults config.Faults
	if !errors.As(err, &faults) || strings.Contains(err.Error(), "hidden") {
		t.Fatal(err)
	}
	for _, key := range []string{"calendar.baseUrl", "defaults.timezone", "server.publicBaseUrl", "stream.hosts", "colour"} {
		if strings.Count("\n"+err.Error(), "\n"+key+": ") != 1 {
			t.Errorf("%s is not told once: %v", key, err)
		}
	}
	for _, broken := range []string{"", "{", "[]", `{"stream":`} {
		if examine([]byte(broken), t.Output()) == nil {
			t.Errorf("%q is taken for a document", broken)
		}
	}
}
