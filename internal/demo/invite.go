package demo

import (
	"fmt"
	"path/filepath"
)

// invite tells a person what to do with the server that Try started.
func (s *stage) invite(o TryOptions, zone string) {
	place, phone := invitePage, "The phone is a page in your browser; the model is simulated."
	if o.Callee {
		place, phone = inviteCallee, "Phone company, callee and model are simulated: the callee takes the first time that is offered."
	}
	fmt.Fprintf(o.Stdout, "\nThe call agent listens on %s. %s\n", s.base, phone)
	fmt.Fprintf(o.Stdout, place, s.base, s.toolToken)
	fmt.Fprintf(o.Stdout, inviteConsole, s.base, s.toolToken)
	if !o.Record {
		fmt.Fprint(o.Stdout, "With --record you can hear it there, too.\n")
	}
	fmt.Fprintf(o.Stdout, inviteChat, s.base, s.toolToken)
	if o.HooksURL == "" {
		fmt.Fprint(o.Stdout, "Nobody is told how a call ended: for that, set CALLAGENT_NOTIFY_HOOKS_URL and CALLAGENT_NOTIFY_HOOKS_TOKEN to your assistant's hooks.\n")
	} else {
		fmt.Fprintf(o.Stdout, "How a call ended is told to %s.\n", o.HooksURL)
	}
	lifetime := "The token is this run's."
	if o.Token != "" {
		lifetime = "The token is yours (CALLAGENT_TOOLS_TOKENS)."
	}
	fmt.Fprintf(o.Stdout, `
Appointments: %s (kept from run to run; times are in %s)
Server's log: %s
%s Stop with Ctrl-C.
`, s.icsPath, zone, filepath.Join(o.Out, "server.log"), lifetime)
}

const invitePage = `It understands no words: it takes your first turn for an answer, every later one for a yes.

1. Place a call, in another terminal. It prints the link of the ringing phone, or what is wrong:

curl -s %[1]s/tools/call_agent -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"to":"+14155550123","goal":"Book a dental check-up","durationMinutes":30}' \
  | sed 's/.*"hint":"\([^"]*\)".*/\1/; s/\\u0026/\&/g'

2. Open that link in a browser on this machine, within ten minutes, and answer. It looks like this:
   %[1]s/mock#callId=…&token=…
3. Say hello, and hear who is calling. Answer its question; when it offers a time, say yes; it books and says goodbye.
4. See what came of it, with the callId of the link in place of CALLID:

curl -s %[1]s/tools/call_agent_status -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"callId":"CALLID"}'
`

const inviteCallee = `
1. Place a call, in another terminal:

curl -s %[1]s/tools/call_agent -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"to":"+14155550123","goal":"Book a dental check-up","durationMinutes":30}'

2. See what came of it half a minute later, with the answer's callId in place of CALLID:

curl -s %[1]s/tools/call_agent_status -H 'Authorization: Bearer %[2]s' \
  -H 'Content-Type: application/json' -d '{"callId":"CALLID"}'
`

const inviteConsole = `
Or watch it, and see what came of it, at %[1]s/console
Sign in with the token %[2]s
`

const inviteChat = `
Or from the chat of your assistant, with the plugin (docs/clawdbot.md):

openclaw config set plugins.entries.call-agent.config.url %[1]s
openclaw config set plugins.entries.call-agent.config.token %[2]s

`
