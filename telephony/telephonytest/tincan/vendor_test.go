package tincan

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/telephonytest"
)

const (
	testKey  = "a-key-that-no-error-repeats"
	testFrom = "+14155550100"
)

// vendor is Tincan's API, as its documentation would have it.
type vendor struct {
	*http.ServeMux
	mu    sync.Mutex
	calls []made // the newest first
}

type made struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
}

func newVendor() *vendor {
	v := &vendor{ServeMux: http.NewServeMux()}
	v.HandleFunc("POST /v1/calls", v.create)
	v.HandleFunc("GET /v1/calls", v.list)
	v.HandleFunc("GET /v1/calls/{id}", v.fetch)
	v.HandleFunc("DELETE /v1/calls/{id}", v.end)
	return v
}

// ServeHTTP lets in who has the key, one at a time.
func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		refuse(w, http.StatusUnauthorized, "key")
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ServeMux.ServeHTTP(w, r)
}

func say(w http.ResponseWriter, status int, calls ...made) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"calls": calls})
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

func (v *vendor) create(w http.ResponseWriter, r *http.Request) {
	wanted, err := readWanted(r)
	if err != nil || wanted.To == "" || wanted.From != testFrom || wanted.RingSeconds < 1 {
		refuse(w, http.StatusUnprocessableEntity, "call")
		return
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	c := made{ID: "tc_" + hex.EncodeToString(id[:]), To: wanted.To, State: "ringing", Created: time.Now()}
	v.calls = slices.Insert(v.calls, 0, c)
	say(w, http.StatusCreated, c)
}

func (v *vendor) list(w http.ResponseWriter, r *http.Request) {
	since, err := time.Parse(time.RFC3339Nano, r.FormValue("since"))
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "since")
		return
	}
	var found []made
	for _, c := range v.calls {
		if c.To == r.FormValue("to") && !c.Created.Before(since) {
			found = append(found, c)
		}
	}
	say(w, http.StatusOK, found...)
}

// find returns the call of the path, or refuses.
func (v *vendor) find(w http.ResponseWriter, r *http.Request) *made {
	for i := range v.calls {
		if v.calls[i].ID == r.PathValue("id") {
			return &v.calls[i]
		}
	}
	refuse(w, http.StatusNotFound, "no_such_call")
	return nil
}

func (v *vendor) fetch(w http.ResponseWriter, r *http.Request) {
	if c := v.find(w, r); c != nil {
		say(w, http.StatusOK, *c)
	}
}

func (v *vendor) end(w http.ResponseWriter, r *http.Request) {
	switch c := v.find(w, r); {
	case c == nil:
	case c.State == "done":
		refuse(w, http.StatusConflict, "already_down")
	default:
		c.State = "done"
		say(w, http.StatusOK, *c)
	}
}

type wanted struct {
	To, From    string
	AnswerURL   string `json:"answer_url"`
	EventURL    string `json:"event_url"`
	MachineURL  string `json:"machine_url"`
	RingSeconds int    `json:"ring_seconds"`
	MaxSeconds  int    `json:"max_seconds"`
}

func readWanted(r *http.Request) (c wanted, err error) {
	return c, json.NewDecoder(r.Body).Decode(&c)
}

func readCreate(r *http.Request) (telephonytest.Create, bool) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/calls" {
		return telephonytest.Create{}, false
	}
	c, err := readWanted(r)
	return telephonytest.Create{
		To: c.To, VoiceURL: c.AnswerURL, StatusURL: c.EventURL, MachineURL: c.MachineURL,
		RingTimeout: time.Duration(c.RingSeconds) * time.Second, MaxLength: time.Duration(c.MaxSeconds) * time.Second,
	}, err == nil
}

// signer signs as whoever has the key.
func signer(key string) func(*http.Request, string, []byte) {
	return func(r *http.Request, signedURL string, body []byte) {
		mac := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(mac, "%s\n%s", signedURL, body)
		r.Header.Set("Tincan-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
}

func form(c telephonytest.Callback) url.Values {
	f := url.Values{"call": {c.ProviderCallID}, "to": {c.To}}
	if c.Status != "" {
		f.Set("state", c.Status)
	}
	if c.Verdict != "" {
		f.Set("answered_by", c.Verdict)
	}
	if c.Sequence >= 0 {
		f.Set("seq", strconv.Itoa(c.Sequence))
	}
	return f
}

// open is what the contract suite needs to know of Tincan.
func open(testing.TB) telephonytest.Vendor {
	return telephonytest.Vendor{
		Name:    "tincan",
		Open:    func(base string) call.Telephony { return New(base, testKey, testFrom) },
		Secrets: []string{testKey, testFrom},

		Fake: newVendor(), ReadCreate: readCreate, UnknownID: "tc_0123456789abcdef",
		RefuseForGood: func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusUnprocessableEntity, "number") },
		RefuseForNow:  func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusTooManyRequests, "slow_down") },

		Sign: signer(testKey), Forge: signer("another key"), Form: form,
		Statuses: map[string]call.Status{
			"dialing": call.Dialing, "ringing": call.Ringing, "up": call.InProgress, "done": call.Completed,
			"busy": call.Busy, "unanswered": call.NoAnswer, "broken": call.Failed, "withdrawn": call.Canceled,
		},
		Verdicts: map[string]bool{"human": false, "machine": true, "unsure": false},
		Lacks:    map[telephonytest.Capability]string{telephonytest.Accounts: "a key belongs to one account, and its webhooks do not name it"},
	}
}
