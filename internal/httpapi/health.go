package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Check is a condition of being ready.
type Check struct {
	Name string
	// Probe says what is wrong, in words that may be shown to anybody; nil if nothing is.
	// It is asked on every GET /readyz, must be quick and may be called concurrently.
	Probe func(context.Context) error
}

// probeLimit bounds all probes of one request together.
const probeLimit = 3 * time.Second

type health struct {
	OK bool `json:"ok"`
	// Reasons are why not, by check.
	Reasons map[string]string `json:"reasons,omitempty"`
	// Config is the hash of the configuration document, where there is one for several planes.
	Config string `json:"config,omitempty"`
}

// healthy answers GET /healthz: the process is alive.
func healthy(w http.ResponseWriter, _ *http.Request) { writeHealth(w, health{OK: true}) }

// ready answers GET /readyz. A store's own error may hold paths and names, so it is
// logged and not shown.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeLimit)
	defer cancel()
	h := health{OK: true, Reasons: map[string]string{}, Config: a.ConfigHash}
	if err := a.Service.Store.Ping(ctx); err != nil {
		a.Log.ErrorContext(ctx, "not ready: the call store does not answer", "error", err)
		h.Reasons["store"] = "the call store does not answer"
	}
	for _, c := range a.Ready {
		if err := c.Probe(ctx); err != nil {
			h.Reasons[c.Name] = err.Error()
		}
	}
	h.OK = len(h.Reasons) == 0
	writeHealth(w, h)
}

func writeHealth(w http.ResponseWriter, h health) {
	status := http.StatusOK
	if !h.OK {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h) // the prober has gone; it will ask again
}
