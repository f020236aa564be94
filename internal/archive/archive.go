// Package archive is the shape of what is kept of a call outside its record: an attempt's
// timeline as lines of JSON, and its recording as a WAV file. It owns both formats, their
// bounds, and the port by which a media session writes them; where they lie is the
// business of the packages below it, one for a folder and one for S3. What they keep is
// read as [call.Archive]. It never decides whether anything is kept, nor for how long.
package archive

import (
	"context"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Keeper begins to keep conversations. Safe for concurrent use.
type Keeper interface {
	// Begin makes room for the conversation of an attempt that began at startedAt. From here
	// on readers find its timeline.
	Begin(ctx context.Context, id call.ID, attempt int, startedAt time.Time, what What) (Entry, error)
}

// What is what to keep of a conversation.
type What struct{ Timeline, Recording bool }

// End is how a conversation ended, as far as it was kept.
type End struct {
	// DurationMS is from its beginning.
	DurationMS int64
	// Cut says that lines were lost before they were appended.
	Cut bool
	// Recorded says that all of the recording was added. There is none otherwise.
	Recorded bool
}

// Entry is where one conversation is kept while it goes on. Its methods are called by one
// goroutine and may wait for a disk or a network; Complete is the last, but for Abandon.
type Entry interface {
	// Append numbers lines, within the bounds of [Text], and shows them to readers. It has
	// them whatever it returns: an error says that readers do not see them yet, which the
	// next Append or Complete tries again. The list, and the lists in its lines, are the
	// caller's, who writes them over once Append has returned.
	Append(ctx context.Context, lines []call.Line) error
	// Record adds sound to the recording, interleaved as in a WAV file, up to [MaxRecording]. On
	// an error none of it was added; the same may be given again.
	Record(stereo []byte) error
	// Complete says that no more will come. The recording is shown from then on.
	Complete(ctx context.Context, end End) error
	// Abandon removes what was kept of the attempt, before or after it is complete: its
	// call is no longer on record.
	Abandon(ctx context.Context) error
}

// StaleAfter is how long nothing is added to a timeline before whoever wrote it is taken
// for lost: a conversation that goes on adds a line every second.
const StaleAfter = 30 * time.Second
