package mock

import (
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/telephonytest"
)

func TestMockKeepsTheContract(t *testing.T) {
	telephonytest.Run(t, func(testing.TB) telephonytest.Vendor {
		return telephonytest.Vendor{
			Name: "mock",
			Open: func(string) call.Telephony { return New(Options{PublicURL: "https://agent.example/phone"}) },
			Lacks: map[telephonytest.Capability]string{
				telephonytest.Carrier:  "whoever holds the link picks up; nobody is asked to dial",
				telephonytest.Webhooks: "without a carrier there is nobody who could sign or send one",
			},
		}
	})
}
