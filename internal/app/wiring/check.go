package wiring

import (
	"errors"
	"fmt"

	"github.com/clawdbot/call-agent/internal/config"
)

// Check says what of a configuration this program cannot serve: what config.Validate finds,
// and what is valid but not carried yet. Its errors name keys and mends, and no secret.
func Check(c *config.Config) error {
	var faults config.Faults
	if err := c.Validate(); err != nil && !errors.As(err, &faults) {
		return fmt.Errorf("check the configuration: %w", err)
	}
	carried := func(ok bool, key, what, mend string) {
		if !ok {
			faults = append(faults, config.Fault{Key: key, Problem: what + " is not carried yet", Mend: mend})
		}
	}
	carried(!c.Recording.Enabled, "recording.enabled", "the recording of calls", "write false; only the callee's last words are kept, in the report")
	if len(faults) == 0 {
		return nil
	}
	return faults
}
