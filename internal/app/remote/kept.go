package remote

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/clawdbot/call-agent/internal/app/bucket"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/config"
)

// spoolFolder is where recordings grow, in the data folder: on a disk, which a system's
// folder for temporary files may not be.
const spoolFolder = "spool"

// keep is what a configuration wants kept of sessions, in the bucket that the
// environment names. A host without one keeps nothing, and says so.
func (h *Host) keep(c *config.Config, log *slog.Logger) (stream.Keep, error) {
	what := archive.What{Timeline: c.Transcript.Enabled, Recording: c.Recording.Enabled}
	if what == (archive.What{}) {
		return stream.Keep{}, nil
	}
	if h.options.Environment.Bucket == "" {
		log.Warn("nothing that is said in calls is kept: the environment names no bucket", "variable", cloud.VarBucket,
			"transcript.enabled", what.Timeline, "recording.enabled", what.Recording)
		return stream.Keep{}, nil
	}
	spool := ""
	if what.Recording {
		dir, err := c.DataDirectory()
		if err != nil {
			return stream.Keep{}, err
		}
		spool = filepath.Join(dir, spoolFolder)
		if err := os.MkdirAll(spool, 0o700); err != nil {
			return stream.Keep{}, fmt.Errorf("create the folder in which recordings grow (set data_dir to one that may be written): %w", err)
		}
	}
	return stream.Keep{To: bucket.Writer(h.options.Environment, spool), What: what}, nil
}
