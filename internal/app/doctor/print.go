package doctor

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
)

// Print writes the report for a person: one line per check, its mend indented below.
func (r Report) Print(w io.Writer) {
	width := 0
	for _, c := range r.Checks {
		width = max(width, len(c.Name))
	}
	count := map[State]int{}
	for _, c := range r.Checks {
		count[c.State]++
		fmt.Fprintf(w, "%-7s  %-*s  %s\n", c.State, width, c.Name, c.Finding)
		for line := range strings.SplitSeq(c.Mend, "\n") {
			if line != "" {
				fmt.Fprintf(w, "%*s→ %s\n", 7+2+width+2, "", line)
			}
		}
	}
	fmt.Fprintf(w, "\n%d ok, %d warnings, %d failed, %d skipped\n", count[OK], count[Warning], count[Failed], count[Skipped])
}

// hider takes secrets and phone numbers out of what is shown. No check puts one there;
// servers quote what they are sent, and a report is pasted into public threads.
type hider struct{ secrets *strings.Replacer }

// shortestSecret: to hide shorter ones would tear words apart, and betray them.
const shortestSecret = 6

func newHider(c *config.Config) hider {
	if c == nil {
		return hider{strings.NewReplacer()}
	}
	var pairs []string
	for _, s := range append([]config.Secret{c.Stream.Secret, c.OpenAI.APIKey, c.Calendar.Token, c.Notify.HooksToken}, c.Twilio.AuthTokens...) {
		if len(s.Reveal()) >= shortestSecret {
			pairs = append(pairs, s.Reveal(), "redacted")
		}
	}
	return hider{strings.NewReplacer(pairs...)}
}

var phoneNumber = regexp.MustCompile(`\+[0-9]{7,15}`)

// longestLine bounds what others may have written a part of.
const longestLine = 400

func (h hider) line(s string) string {
	s = phoneNumber.ReplaceAllStringFunc(h.secrets.Replace(s), call.MaskNumber)
	runes := []rune(strings.ToValidUTF8(strings.Map(printable, s), ""))
	if len(runes) > longestLine {
		runes = append(runes[:longestLine-1], '…')
	}
	return string(runes)
}

// printable keeps what others wrote from moving a terminal's cursor.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

func (h hider) lines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = h.line(lines[i])
	}
	return strings.Join(lines, "\n")
}
