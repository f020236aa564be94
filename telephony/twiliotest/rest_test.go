package twiliotest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCreateRefusesWhatTwilioRefuses(t *testing.T) {
	o := script(Busy)
	o.Numbers = []string{testNumber}
	for name, tc := range map[string]struct {
		change url.Values // an empty list deletes
		code   float64
	}{
		"no To":              {url.Values{"To": nil}, 21201},
		"no From":            {url.Values{"From": nil}, 21213},
		"no Url":             {url.Values{"Url": nil}, 21205},
		"To not E.164":       {url.Values{"To": {"0123"}}, 21211},
		"From not E.164":     {url.Values{"From": {"me"}}, 21212},
		"From not ours":      {url.Values{"From": {"+12025550199"}}, 21210},
		"misspelt":           {url.Values{"StatusCallBack": {testBase}}, 20001},
		"lower case":         {url.Values{"timeout": {"25"}}, 20001},
		"joined events":      {url.Values{"StatusCallbackEvent": {"initiated ringing"}}, 21626},
		"unknown event":      {url.Values{"StatusCallbackEvent": {"completed", "ended"}}, 21626},
		"repeated scalar":    {url.Values{"Timeout": {"20", "25"}}, 20001},
		"Timeout too long":   {url.Values{"Timeout": {"601"}}, 20001},
		"Timeout zero":       {url.Values{"Timeout": {"0"}}, 20001},
		"Timeout in words":   {url.Values{"Timeout": {"25s"}}, 20001},
		"Method":             {url.Values{"Method": {"PUT"}}, 20001},
		"Url scheme":         {url.Values{"Url": {"ftp://h/x"}}, 21205},
		"underscore in host": {url.Values{"StatusCallback": {"https://my_host/x"}}, 21205},
		"AsyncAmd as 1":      {url.Values{"AsyncAmd": {"1"}}, 20001},
		"AsyncAmd alone":     {url.Values{"AsyncAmd": {"true"}, "MachineDetection": {"Enable"}}, 21262},
		"long TwiML":         {url.Values{"Twiml": {strings.Repeat("x", 4001)}}, 20001},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, o, func(s *side) {
				form := createForm()
				for key, values := range tc.change {
					form[key] = values
				}
				status, body, err := s.do("POST", "/Calls.json", form)
				if err != nil || status != 400 || body["code"] != tc.code || body["status"] != 400.0 || body["more_info"] == "" {
					t.Errorf("%d %v %v", status, body, err)
				}
				if len(s.takeViolations()) != 1 || len(s.twilio.Calls()) != 0 {
					t.Error("a refusal is a violation and no call")
				}
			})
		})
	}
}

func TestCredentials(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		for _, tc := range []struct {
			user, password, path string
			want                 int
		}{
			{testAccount, testToken, testAccount, 200},
			{ownKey, "secret", testAccount, 200},
			{testAccount, "wrong", testAccount, 401},
			{ownKey, testToken, testAccount, 401},
			{"", "", testAccount, 401},
			{testAccount, testToken, "AC00000000000000000000000000000009", 401},
		} {
			r := httptest.NewRequest("GET", "/2010-04-01/Accounts/"+tc.path+"/Calls.json", nil)
			r.SetBasicAuth(tc.user, tc.password)
			w := httptest.NewRecorder()
			s.twilio.ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Errorf("%s:%s gets %d, want %d", tc.user, tc.password, w.Code, tc.want)
			}
		}
		same2(t, "violations", s.takeViolations(), []int{20003, 20003, 20003, 20003})
		if status, body, _ := s.do("GET", "/Calls/CAnone.json", nil); status != 404 || body["code"] != 20404.0 {
			t.Errorf("unknown call: %d %v", status, body)
		}
		if status, body, _ := s.do("GET", "/Messages.json", nil); status != 404 || body["code"] != 20404.0 {
			t.Errorf("unknown resource: %d %v", status, body)
		}
		s.takeViolations()
	})
}

func TestCreateFailsAsScripted(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  Fault
		status int
		code   any
		queued bool
	}{
		"429":              {TooManyRequests, 429, 20429.0, false},
		"concurrency":      {ConcurrencyLimit, 429, 10004.0, false},
		"number":           {InvalidNumber, 400, 21211.0, false},
		"geo":              {GeoBlocked, 400, 21215.0, false},
		"500":              {ServerError(false), 500, nil, false},
		"500 but queued":   {ServerError(true), 500, nil, true},
		"hangs":            {TimesOut(false), 0, nil, false},
		"hangs but queued": {TimesOut(true), 0, nil, true},
		"breaks":           {BreaksOff(false), 0, nil, false},
		"breaks, queued":   {BreaksOff(true), 0, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			answer := Busy
			answer.Create = tc.fault
			bubble(t, script(answer), func(s *side) {
				s.client.Timeout = 10 * time.Second
				status, body, err := s.do("POST", "/Calls.json", createForm())
				if status != tc.status || (err != nil) != (tc.status == 0) || body["code"] != tc.code {
					t.Errorf("%d %v %v", status, body, err)
				}
				if got := len(s.twilio.Calls()) == 1; got != tc.queued {
					t.Errorf("queued: %v", got)
				}
				if tc.queued {
					<-s.twilio.Calls()[0].Done()
					same2(t, "the call lives on", s.statuses(), []string{"initiated", "ringing", "busy"})
				}
			})
		})
	}
}

func TestLostCreatesAreFoundInTheList(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		before := time.Now().UTC()
		first := s.call()
		s.call("To", "+12025550124")
		time.Sleep(time.Hour)
		later := s.call()
		list := func(query url.Values) (sids []string) {
			status, body, err := s.do("GET", "/Calls.json?"+query.Encode(), nil)
			if err != nil || status != 200 {
				t.Fatalf("%v: %d %v %v", query, status, body, err)
			}
			for _, c := range body["calls"].([]any) {
				sids = append(sids, c.(map[string]any)["sid"].(string))
			}
			return sids
		}
		to := url.Values{"To": {testCallee}, "From": {testNumber}}
		with := func(key, value string) url.Values {
			q := url.Values{key: {value}}
			for k, v := range to {
				q[k] = v
			}
			return q
		}
		same2(t, "by number, newest first", list(to), []string{later.SID(), first.SID()})
		same2(t, "after", list(with("StartTime>", before.Add(time.Minute).Format(time.RFC3339))), []string{later.SID()})
		same2(t, "from the very second", len2(list(with("StartTime>", before.Format(time.RFC3339)))), []int{2})
		same2(t, "before", list(with("StartTime<", before.Add(time.Minute).Format(time.RFC3339))), []string{first.SID()})
		same2(t, "by day", len2(list(with("StartTime", before.Format(time.DateOnly)))), []int{2})
		same2(t, "by status", len2(list(with("Status", "completed"))), []int{0})
		same2(t, "second page", list(url.Values{"PageSize": {"2"}, "Page": {"1"}}), []string{first.SID()})
		_, body, _ := s.do("GET", "/Calls.json?PageSize=2", nil)
		next, _ := body["next_page_uri"].(string)
		if !strings.HasPrefix(next, "/2010-04-01/Accounts/"+testAccount+"/Calls.json?") || !strings.Contains(next, "Page=1") || body["previous_page_uri"] != nil {
			t.Errorf("page: %v", body)
		}
		if status, _, _ := s.do("GET", "/Calls.json?StartTimeAfter=2026-01-01", nil); status != 400 || len(s.takeViolations()) != 1 {
			t.Errorf("an unknown filter: %d", status)
		}
	})
}

func len2(list []string) []int { return []int{len(list)} }

// slice is the part of an OpenAPI document that the next test needs.
type slice struct {
	Paths map[string]map[string]json.RawMessage
	// Components holds schemas by name.
	Components struct{ Schemas map[string]property }
}

type property struct {
	Type       string
	Ref        string `json:"$ref"`
	Pattern    string
	Enum       []any
	Nullable   bool
	Properties map[string]property
	Items      *property
	Required   []string
}

type operation struct {
	RequestBody struct {
		Content map[string]struct{ Schema property }
	}
}

func TestExchangesFitTheOpenAPISlice(t *testing.T) {
	raw := shared(t, "twilio-calls.openapi.json")
	if raw == nil {
		return
	}
	var api slice
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	forms := map[string]property{}
	for path, item := range api.Paths {
		var post operation
		if err := json.Unmarshal(item["post"], &post); err != nil {
			t.Fatal(err)
		}
		forms[path] = post.RequestBody.Content["application/x-www-form-urlencoded"].Schema
	}
	create := forms["/2010-04-01/Accounts/{AccountSid}/Calls.json"]
	update := forms["/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"]
	for name, pair := range map[string]struct {
		ours   map[string]check
		theirs property
	}{"create": {createParams, create}, "update": {updateParams, update}} {
		for parameter := range pair.ours {
			if _, ok := pair.theirs.Properties[parameter]; !ok {
				t.Errorf("%s: parameter %s is not in the slice", name, parameter)
			}
		}
		for parameter := range pair.theirs.Properties {
			if _, ok := pair.ours[parameter]; !ok && name == "create" {
				t.Errorf("%s: parameter %s of the slice is refused here", name, parameter)
			}
		}
	}
	call := api.Components.Schemas["api.v2010.account.call"]
	bubble(t, script(Human(Line{HangUp: true, After: At(time.Second)}), Busy), func(s *side) {
		c := s.create("MachineDetection", "Enable")
		s.do("GET", "/Calls/"+c.SID()+".json", nil)
		<-c.Done()
		s.do("GET", "/Calls/"+c.SID()+".json", nil)
		s.do("GET", "/Calls.json?To="+url.QueryEscape(testCallee), nil)
		busy := s.create()
		s.do("POST", "/Calls/"+busy.SID()+".json", url.Values{"Status": {"canceled"}})
		<-busy.Done()
		answers := 0
		for _, e := range s.rests {
			var body map[string]any
			if err := json.Unmarshal(e.Body, &body); err != nil || e.Status >= 300 {
				t.Errorf("%s %s: %d %v", e.Method, e.URL, e.Status, err)
			}
			bodies := []any{body}
			if list, ok := body["calls"].([]any); ok {
				bodies = list
			}
			for _, b := range bodies {
				answers++
				api.conforms(t, e.Method+" "+e.URL, call, b)
			}
		}
		if answers != 6 {
			t.Errorf("%d answers held against the slice", answers)
		}
	})
}

// conforms checks an answer both ways: nothing that the schema lacks, nothing that it has left out.
func (api slice) conforms(t *testing.T, what string, p property, value any) {
	t.Helper()
	if p.Ref != "" {
		p = api.Components.Schemas[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
	}
	switch v := value.(type) {
	case nil:
		if !p.Nullable {
			t.Errorf("%s: null", what)
		}
	case string:
		if p.Type != "string" || p.Pattern != "" && !regexp.MustCompile(p.Pattern).MatchString(v) || len(p.Enum) > 0 && !slices.Contains(p.Enum, any(v)) {
			t.Errorf("%s: %q does not fit %+v", what, v, p)
		}
	case map[string]any:
		if p.Type != "object" {
			t.Errorf("%s: an object", what)
		}
		for name, inner := range v {
			if schema, ok := p.Properties[name]; ok {
				api.conforms(t, what+" "+name, schema, inner)
			} else if p.Properties != nil {
				t.Errorf("%s: %s is not in the slice", what, name)
			}
		}
		for name := range p.Properties {
			if _, ok := v[name]; !ok {
				t.Errorf("%s: %s is missing", what, name)
			}
		}
	default:
		t.Errorf("%s: %T", what, value)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{}, {AccountSID: testAccount}, {AccountSID: "AC1", AuthToken: "x"}} {
		if _, err := New(o); err == nil {
			t.Errorf("accepted %+v", o)
		}
	}
}

func TestABodyThatIsNoFormIsRefused(t *testing.T) {
	bubble(t, script(Busy), func(s *side) {
		r := httptest.NewRequest("POST", "/2010-04-01/Accounts/"+testAccount+"/Calls.json", strings.NewReader(`{"To":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth(testAccount, testToken)
		w := httptest.NewRecorder()
		s.twilio.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || len(s.takeViolations()) != 1 {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestUpdatesAreChecked(t *testing.T) {
	bubble(t, script(Human(Line{HangUp: true, After: At(5 * time.Second)})), func(s *side) {
		c := s.create()
		for _, form := range []url.Values{
			{}, {"Status": {"busy"}}, {"Url": {testBase}, "Twiml": {"<Response/>"}}, {"status": {"completed"}},
		} {
			if status, _, _ := s.do("POST", "/Calls/"+c.SID()+".json", form); status != 400 {
				t.Errorf("%v: %d", form, status)
			}
		}
		same2(t, "violations", s.takeViolations(), []int{20001, 20001, 20001, 20001})
		<-c.Done()
		if c.To() != testCallee || c.Params().Get("From") != testNumber {
			t.Errorf("%s %v", c.To(), c.Params())
		}
	})
}
