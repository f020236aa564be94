package twiliotest

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheAccountsOwnResources(t *testing.T) {
	const other = "+12025550199"
	s, err := New(Options{
		AccountSID: testAccount, AuthToken: testToken, Numbers: []string{testNumber, other},
		Account: Account{Trial: true, Mute: []string{other}, VoiceURL: testBase + "/voice"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(path, password string) (int, string) {
		r := httptest.NewRequest("GET", "/2010-04-01/Accounts/"+path, nil)
		r.SetBasicAuth(testAccount, password)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for path, want := range map[string][]string{
		testAccount + ".json": {`"status":"active"`, `"type":"Trial"`, `"sid":"` + testAccount + `"`},
		testAccount + "/IncomingPhoneNumbers.json?PhoneNumber=%2B12025550100": {testNumber, `"voice":true`, "/voice"},
		testAccount + "/IncomingPhoneNumbers.json?PhoneNumber=%2B12025550199": {other, `"voice":false`},
		testAccount + "/IncomingPhoneNumbers.json?PhoneNumber=%2B12025550155": {`"incoming_phone_numbers":[]`},
	} {
		status, body := ask(path, testToken)
		for _, part := range want {
			if status != 200 || !strings.Contains(body, part) {
				t.Errorf("%s: %d %s lacks %s", path, status, body, part)
			}
		}
	}
	if len(s.Violations()) != 0 {
		t.Errorf("%v", s.Violations())
	}
	for path, want := range map[string]int{testAccount + ".json": 401, testAccount: 404, "AC00000000000000000000000000000009.json": 401} {
		if status, _ := ask(path, "wrong"); status != want {
			t.Errorf("%s with a wrong password: %d, want %d", path, status, want)
		}
	}
	if status, _ := ask(testAccount+"/IncomingPhoneNumbers.json?phonenumber=x", testToken); status != 400 {
		t.Errorf("a misspelt parameter: %d", status)
	}
}
