package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// checkTable asks the table that the functions and the media hosts share.
func checkTable(ctx context.Context, p *patient) Check {
	if err := p.Table(ctx); err != nil {
		return failed("the call table does not answer: "+err.Error(),
			"CALLAGENT_TABLE is the stack's output TableName; the host's role needs the policy of its output MediaHostPolicyArn, and its region must be the table's")
	}
	return fine("the call table answers")
}

// checkPlanes compares the configuration of this host with that of every other plane:
// one that was not read again after a change signs other tokens, or checks other ones.
func checkPlanes(ctx context.Context, p *patient) Check {
	var at []string
	if base := p.config.Server.PublicBaseURL; base != "" {
		at = append(at, base)
	}
	for _, host := range p.config.Stream.Hosts {
		at = append(at, "http"+strings.TrimPrefix(host, "ws"))
	}
	var same, other, silent []string
	for _, base := range at {
		switch hash := p.hashAt(ctx, base); hash {
		case p.Hash:
			same = append(same, hostOf(base))
		case "":
			silent = append(silent, hostOf(base))
		default:
			other = append(other, hostOf(base))
		}
	}
	switch {
	case len(other) > 0:
		return failed(strings.Join(other, ", ")+" runs with another configuration than this host",
			"functions read a changed document within five minutes; a media host reads it when it is reloaded: sudo systemctl reload callagent")
	case len(silent) > 0:
		return warning(strings.Join(silent, ", ")+" does not say which configuration it runs with", "start it, or update it; then run the doctor again")
	}
	return fine(fmt.Sprintf("%s run with the same document (%.12s…)", strings.Join(same, ", "), p.Hash))
}

// hashAt is the hash of the document that a plane runs with; "" if it does not say.
func (p *patient) hashAt(ctx context.Context, base string) string {
	a, err := p.ask(ctx, http.MethodGet, base+"/readyz", "")
	if err != nil {
		return ""
	}
	h, _ := readHealth(a.body)
	return h.Config
}
