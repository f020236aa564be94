package twiliotest

import (
	"net/http"
	"slices"
	"strings"
)

// Account is what the account's own resources say. The zero value is a paid, active account whose
// numbers can all speak.
type Account struct {
	// Status is "active" if empty.
	Status string
	// Trial makes the account's type "Trial".
	Trial bool
	// Mute numbers have no voice capability.
	Mute []string
	// VoiceURL is what every number asks when somebody rings it.
	VoiceURL string
}

// fetchAccount answers the account's resource, reduced to the fields that a client decides by.
// auth_token is among them: a client must not show what it reads here.
func (s *Server) fetchAccount(w http.ResponseWriter, _ *http.Request) {
	a := s.options.Account
	status, kind := a.Status, "Full"
	if status == "" {
		status = "active"
	}
	if a.Trial {
		kind = "Trial"
	}
	sid := s.options.AccountSID
	writeJSON(w, http.StatusOK, map[string]any{
		"sid": sid, "owner_account_sid": sid, "friendly_name": "fake", "status": status, "type": kind,
		"auth_token": s.options.AuthToken, "uri": "/2010-04-01/Accounts/" + sid + ".json",
	})
}

// incomingNumber is a number of the account, reduced likewise.
type incomingNumber struct {
	AccountSID   string          `json:"account_sid"`
	PhoneNumber  string          `json:"phone_number"`
	Capabilities map[string]bool `json:"capabilities"`
	VoiceURL     string          `json:"voice_url"`
	VoiceMethod  string          `json:"voice_method"`
}

// listNumbers answers the numbers that contain PhoneNumber, on one page. An account of any number
// (Options.Numbers empty) owns whatever is asked for.
func (s *Server) listNumbers(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains([]string{"PhoneNumber", "PageSize", "Page"}, name) {
			fault := refuse(400, codeUnknownParam, "Unknown parameter %s", name)
			s.violation("", fault.Code, "list numbers: "+fault.Message)
			writeJSON(w, fault.Status, fault)
			return
		}
	}
	wanted, numbers := query.Get("PhoneNumber"), s.options.Numbers
	if len(numbers) == 0 && wanted != "" {
		numbers = []string{wanted}
	}
	found := []incomingNumber{}
	for _, n := range numbers {
		if strings.Contains(n, wanted) {
			found = append(found, incomingNumber{
				AccountSID: s.options.AccountSID, PhoneNumber: n, VoiceURL: s.options.Account.VoiceURL, VoiceMethod: http.MethodPost,
				Capabilities: map[string]bool{"voice": !slices.Contains(s.options.Account.Mute, n), "sms": true, "mms": false},
			})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": nil})
}

// namesItself lets authenticated read the account of a path that ends in it: "{account}.json"
// is no pattern of a ServeMux.
func namesItself(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sid, isJSON := strings.CutSuffix(r.PathValue("file"), ".json")
		if !isJSON {
			writeJSON(w, 404, refuse(404, codeNotFound, "The requested resource %s was not found", r.URL.Path))
			return
		}
		r.SetPathValue("account", sid)
		next(w, r)
	}
}
