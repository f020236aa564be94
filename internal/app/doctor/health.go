package doctor

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// health is an answer of /healthz or /readyz.
type health struct {
	OK bool
	// Config is the hash of the document it runs with; "" where it does not say.
	Config string
	// Reasons are why it is not ready, by the name of the condition.
	Reasons map[string]string
}

// readHealth reads such an answer; it is not ours where it does not say whether it is well.
func readHealth(body []byte) (h health, ours bool) {
	var read struct {
		OK      *bool             `json:"ok"`
		Config  string            `json:"config"`
		Reasons map[string]string `json:"reasons"`
	}
	if json.Unmarshal(body, &read) != nil || read.OK == nil {
		return health{}, false
	}
	return health{OK: *read.OK, Config: read.Config, Reasons: read.Reasons}, true
}

// Of what a stranger's server answers no more is shown than this.
const (
	mostReasons = 12
	longReason  = 200
)

// why is the reasons as one line for a terminal, whoever wrote them.
func (h health) why() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(h.Reasons)) {
		if len(all) == mostReasons {
			all = append(all, "and more")
			break
		}
		all = append(all, call.PlainText(name+": "+h.Reasons[name], longReason))
	}
	return strings.Join(all, "; ")
}
