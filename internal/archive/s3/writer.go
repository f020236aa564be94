package s3

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// An object can't be appended to, so a timeline is put whole, again and again: every
// putEvery, and up to putSeldom times less often the longer it is, since every put sends
// all of it. That stays well under archive.StaleAfter.
const (
	putEvery  = 2 * time.Second
	putSeldom = 5
	putLong   = 128 << 10
)

// Writer writes what hosts keep. It is safe for concurrent use.
type Writer struct {
	client *sdk.Client
	bucket *string
	spool  string
	every  time.Duration
}

var _ archive.Keeper = (*Writer)(nil)

// NewWriter makes a writer; it asks nothing yet. Recordings lie in files without a name in
// the folder spool ("": the system's) until they are complete: there is no trace of one
// whose process was killed.
func NewWriter(o Options, spool string) *Writer {
	return &Writer{client: o.client(), bucket: aws.String(o.Bucket), spool: spool, every: cmp.Or(o.PutEvery, putEvery)}
}

// entry is one conversation that is being kept.
type entry struct {
	w       *Writer
	id      call.ID
	attempt int
	what    archive.What
	text    *archive.Text
	putAt   time.Time // when the timeline was last put
	sound   *os.File
	taken   int64    // of sound
	put     []string // the kinds that were
}

// Begin implements [archive.Keeper].
func (w *Writer) Begin(ctx context.Context, id call.ID, attempt int, startedAt time.Time, what archive.What) (archive.Entry, error) {
	if _, err := key(id, attempt, timeline); err != nil {
		return nil, fmt.Errorf("keep attempt %d of call %q: %w", attempt, id, err)
	}
	e := &entry{w: w, id: id, attempt: attempt, what: what, text: archive.NewText(attempt, startedAt, 0)}
	if what.Recording {
		var err error
		if e.sound, err = os.CreateTemp(w.spool, "recording-"); err != nil { // mode 0600
			return nil, fmt.Errorf("begin a recording: %w", err)
		}
		if err := os.Remove(e.sound.Name()); err != nil {
			return nil, errors.Join(fmt.Errorf("begin a recording: %w", err), e.sound.Close())
		}
	}
	_ = e.putTimeline(ctx) // a later one may reach S3, and then it is whole
	return e, nil
}

// Append implements [archive.Entry].
func (e *entry) Append(ctx context.Context, lines []call.Line) error {
	e.text.Add(lines)
	if time.Since(e.putAt) < e.w.every*time.Duration(min(1+len(e.text.Unwritten())/putLong, putSeldom)) {
		return nil
	}
	return e.putTimeline(ctx)
}

func (e *entry) putTimeline(ctx context.Context) error {
	if !e.what.Timeline {
		return nil
	}
	e.putAt = time.Now()
	return e.putObject(ctx, timeline, "application/x-ndjson", bytes.NewReader(e.text.Unwritten()), requestLimit)
}

func (e *entry) putObject(ctx context.Context, kind, format string, body io.ReadSeeker, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	k, _ := key(e.id, e.attempt, kind) // it was valid when the entry began
	if !slices.Contains(e.put, kind) { // also one that fails may have reached S3
		e.put = append(e.put, kind)
	}
	if _, err := e.w.client.PutObject(ctx, &sdk.PutObjectInput{Bucket: e.w.bucket, Key: &k, Body: body, ContentType: &format}); err != nil {
		return fmt.Errorf("put %s into S3: %w", k, err)
	}
	return nil
}

// Record implements [archive.Entry].
func (e *entry) Record(stereo []byte) error {
	return archive.AddSound(e.sound, &e.taken, stereo)
}

// Complete implements [archive.Entry].
func (e *entry) Complete(ctx context.Context, end archive.End) error {
	var err error
	if e.sound != nil { // first: who sees the end of the timeline finds the recording
		if end.Recorded {
			_ = e.putTimeline(ctx) // the last words need not wait for the recording; the put with the end repeats them
			err = e.putRecording(ctx)
		}
		err = errors.Join(err, e.sound.Close())
		e.sound = nil
	}
	e.text.End(end)
	return errors.Join(err, e.putTimeline(ctx))
}

func (e *entry) putRecording(ctx context.Context) error {
	_, err := e.sound.WriteAt(archive.Header(e.taken), 0)
	if err = errors.Join(err, e.sound.Truncate(archive.HeaderSize+e.taken)); err != nil {
		return fmt.Errorf("complete a recording: %w", err)
	}
	if _, err := e.sound.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("complete a recording: %w", err)
	}
	return e.putObject(ctx, recording, "audio/wav", e.sound, recordingLimit)
}

// Abandon implements [archive.Entry]. A host may not delete; it puts nothing in the place of
// what it had put, which no reader takes for anything, and which expires.
func (e *entry) Abandon(ctx context.Context) (err error) {
	if e.sound != nil {
		err = e.sound.Close()
		e.sound = nil
	}
	for _, kind := range e.put {
		err = errors.Join(err, e.putObject(ctx, kind, "text/plain", bytes.NewReader(nil), requestLimit))
	}
	return err
}
