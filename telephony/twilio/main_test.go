package twilio

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testAccount = "AC00000000000000000000000000000042"
	testToken   = "5e0c1d3a7b9f4c2e8d6a0b1c3e5f7a99"
	testSID     = "CA0123456789abcdef0123456789abcdef"
	testFrom    = "+14155550100"
	testTo      = "+14155550123"
)

// newProvider fills the options that a test leaves open.
func newProvider(t testing.TB, o Options) *Provider {
	t.Helper()
	if o.AccountSID == "" {
		o.AccountSID = testAccount
	}
	if o.AuthTokens == nil {
		o.AuthTokens = []string{testToken}
	}
	if o.FromNumber == "" {
		o.FromNumber = testFrom
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
