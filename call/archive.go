package call

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// Archive is what is kept of calls outside their records, since it is large and private:
// what was said, what happened when, and, where it is configured, how it sounded. It is
// written by the media plane while a call lasts and read by any host. Safe for concurrent use.
type Archive interface {
	// Timeline reads what is kept of an attempt's conversation by now, from the line after
	// that one (0: all). ErrNotFound where nothing is kept.
	Timeline(ctx context.Context, id ID, attempt, after int) (Timeline, error)
	// Recording opens an attempt's recording once it is complete; ErrNotFound where there
	// is none, or not yet. The caller closes it.
	Recording(ctx context.Context, id ID, attempt int) (Recording, error)
	// Delete removes all that is kept of a call; nothing kept is success. A host that has just
	// held the call may still be writing the last of it, and asks the record whether it is
	// there: who deletes both deletes here, then the record, then here again.
	Delete(ctx context.Context, id ID) error
}

// Recording is a WAV file: 8 kHz mu-law stereo, the callee left, the agent right as the
// callee's phone played it.
type Recording struct {
	io.ReaderAt
	io.Closer
	Size int64
}

// Timeline is the conversation of one attempt. All its times count from StartedAt, when
// the phone's stream began: it is the one clock of both legs and of the recording.
type Timeline struct {
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"startedAt"`
	// Complete says that no further line will come; DurationMS is then its length, and
	// before that how far it has come.
	Complete   bool  `json:"complete"`
	DurationMS int64 `json:"durationMs"`
	// Cut says that lines are missing at the end, because a bound was reached or what
	// wrote them was lost.
	Cut   bool   `json:"cut,omitempty"`
	Lines []Line `json:"lines"`
}

// Line is one thing that happened. Kind says which fields are set: LineLevels has Callee
// and Agent, the others are the media session's moments. Texts and Data are words of
// callee and model: untrusted.
type Line struct {
	// N numbers the lines of an attempt from 1, without gaps.
	N    int    `json:"n"`
	AtMS int64  `json:"atMs"`
	Kind string `json:"kind"`
	// Name is a tool's, a reason's or a code's; Item ties what belongs to one piece of speech.
	Name    string `json:"name,omitempty"`
	Item    string `json:"item,omitempty"`
	Speaker string `json:"speaker,omitempty"`
	Text    string `json:"text,omitempty"`
	// MS is a duration, of which Kind says what.
	MS int `json:"ms,omitempty"`
	// Data is a tool's arguments or its answer, as JSON.
	Data json.RawMessage `json:"data,omitempty"`
	// Callee and Agent are the loudness of both legs, 0 to 100, one value per LevelEvery from AtMS on.
	Callee []int `json:"callee,omitempty"`
	Agent  []int `json:"agent,omitempty"`
}

// LineLevels is the kind of a line of loudness; LevelEvery is the time between its values.
const (
	LineLevels = "levels"
	LevelEvery = 100 * time.Millisecond
)
