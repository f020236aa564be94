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
	// Package media hands the callee's mu-law on as it is, and takes mu-law or 24 kHz PCM from the model.
	in, out := c.OpenAI.InputFormat, c.OpenAI.OutputFormat
	carried(in == config.FormatPCMU, "openai.inputFormat", in, "write "+config.FormatPCMU+", which is the telephone's own")
	carried(out == config.FormatPCMU || out == config.FormatPCM, "openai.outputFormat", out, "write "+config.FormatPCMU+" or "+config.FormatPCM)
	carried(!c.Recording.Enabled, "recording.enabled", "the recording of calls", "write false; only the callee's last words are kept, in the report")
	if len(faults) == 0 {
		return nil
	}
	return faults
}
