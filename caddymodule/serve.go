package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/demo"
)

// serve runs Caddy in this process with one site that is the call agent, and returns
// how to stop it. Admin port and saved configuration are off: a demo leaves nothing
// behind.
func serve(_ context.Context, site demo.Site) (func() error, error) {
	if site.Now != nil {
		SetClock(site.Now)
	}
	if err := environment(site.Secrets); err != nil {
		return nil, err
	}
	b, err := siteConfig(site)
	if err != nil {
		return nil, err
	}
	if err := caddy.Load(b, true); err != nil {
		return nil, errors.Join(err, caddy.Stop())
	}
	return caddy.Stop, nil
}

// siteConfig is Caddy's configuration of a site.
func siteConfig(site demo.Site) ([]byte, error) {
	handler := maps.Clone(site.Document)
	handler["handler"] = "call_agent"
	b, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"storage": map[string]any{"module": "file_system", "root": filepath.Join(filepath.Dir(site.LogTo), "caddy")},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{
			"writer": map[string]any{"output": "file", "filename": site.LogTo}, "encoder": map[string]any{"format": "json"},
		}}},
		"apps": map[string]any{"http": map[string]any{"servers": map[string]any{"callagent": map[string]any{
			"listen": []string{site.Listen}, "automatic_https": map[string]any{"disable": true},
			"routes": []any{map[string]any{"handle": []any{handler}}},
		}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	return b, nil
}

// environment sets the site's secrets and clears every key of the owner's, which
// would override the site: a demo is the same on every machine.
func environment(secrets map[string]string) error {
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, config.EnvPrefix) {
			if err := os.Unsetenv(name); err != nil {
				return fmt.Errorf("clear the environment: %w", err)
			}
		}
	}
	for name, value := range secrets {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set the site's secrets: %w", err)
		}
	}
	return nil
}
