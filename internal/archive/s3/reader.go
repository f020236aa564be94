package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// Reader reads and deletes. It is safe for concurrent use.
type Reader struct {
	client *sdk.Client
	bucket *string
}

var _ call.Archive = (*Reader)(nil)

// NewReader makes a reader; it asks nothing yet.
func NewReader(o Options) *Reader { return &Reader{client: o.client(), bucket: aws.String(o.Bucket)} }

// Timeline implements [call.Archive].
func (r *Reader) Timeline(ctx context.Context, id call.ID, attempt, after int) (call.Timeline, error) {
	k, err := key(id, attempt, timeline)
	if err != nil {
		return call.Timeline{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	out, err := r.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: r.bucket, Key: &k})
	if err != nil {
		return call.Timeline{}, found(err, "timeline")
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, archive.MaxBytes))
	if err != nil {
		return call.Timeline{}, fmt.Errorf("read a timeline from S3: %w", err)
	}
	if len(text) == 0 { // taken back: its writer may not delete
		return call.Timeline{}, call.ErrNotFound
	}
	t, err := archive.Parse(text, after, out.LastModified != nil && time.Since(*out.LastModified) > archive.StaleAfter)
	if err != nil {
		return t, fmt.Errorf("timeline %s: %w", k, err)
	}
	return t, nil
}

// Recording implements [call.Archive]. Its reads are requests, with this context.
func (r *Reader) Recording(ctx context.Context, id call.ID, attempt int) (call.Recording, error) {
	k, err := key(id, attempt, recording)
	if err != nil {
		return call.Recording{}, err
	}
	limited, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	out, err := r.client.HeadObject(limited, &sdk.HeadObjectInput{Bucket: r.bucket, Key: &k})
	if err != nil {
		return call.Recording{}, found(err, "recording")
	}
	size := aws.ToInt64(out.ContentLength)
	if size < archive.HeaderSize { // taken back
		return call.Recording{}, call.ErrNotFound
	}
	p := &parts{ctx: ctx, reader: r, key: k, etag: out.ETag, size: size}
	return call.Recording{ReaderAt: p, Closer: io.NopCloser(nil), Size: size}, nil
}

// Delete implements [call.Archive].
func (r *Reader) Delete(ctx context.Context, id call.ID) error {
	if !id.Valid() {
		return nil // nothing is kept of it
	}
	ctx, cancel := context.WithTimeout(ctx, 2*requestLimit)
	defer cancel()
	list, err := r.client.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: r.bucket, Prefix: aws.String(prefix(id))})
	if err != nil {
		return fmt.Errorf("look for what is kept of a call in S3: %w", err)
	}
	if len(list.Contents) == 0 {
		return nil
	}
	all := &types.Delete{Quiet: aws.Bool(true)}
	for _, o := range list.Contents { // two of an attempt, far fewer than a page of them
		all.Objects = append(all.Objects, types.ObjectIdentifier{Key: o.Key})
	}
	out, err := r.client.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: r.bucket, Delete: all})
	if err != nil {
		return fmt.Errorf("delete what is kept of a call in S3: %w", err)
	}
	for _, e := range out.Errors {
		err = errors.Join(err, fmt.Errorf("delete %s in S3: %s", aws.ToString(e.Key), aws.ToString(e.Code)))
	}
	return err
}

// part is how much of a recording one request brings: half a minute and more, so that a
// reader of small pieces does not make a request of each.
const part = 1 << 20

// parts reads an object in parts, and holds the last of them.
type parts struct {
	ctx    context.Context //nolint:containedctx // io.ReaderAt has none; it is that of whoever opened the recording
	reader *Reader
	key    string
	etag   *string
	size   int64

	mu   sync.Mutex
	at   int64
	held []byte
}

// ReadAt implements [io.ReaderAt].
func (p *parts) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read a recording before its beginning")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) {
		at := off + int64(n)
		if at >= p.size {
			return n, io.EOF
		}
		if at < p.at || at >= p.at+int64(len(p.held)) {
			if err := p.fetch(at / part * part); err != nil {
				return n, err
			}
		}
		n += copy(b[n:], p.held[at-p.at:])
	}
	return n, nil
}

// fetch asks for the part that begins there.
func (p *parts) fetch(at int64) error {
	ctx, cancel := context.WithTimeout(p.ctx, requestLimit)
	defer cancel()
	want := min(part, p.size-at)
	out, err := p.reader.client.GetObject(ctx, &sdk.GetObjectInput{
		Bucket: p.reader.bucket, Key: &p.key, IfMatch: p.etag, Range: aws.String(fmt.Sprintf("bytes=%d-%d", at, at+want-1)),
	})
	if err != nil {
		return fmt.Errorf("read a recording from S3: %w", err)
	}
	defer out.Body.Close()
	buf := bytes.NewBuffer(p.held[:0])
	if _, err := io.Copy(buf, io.LimitReader(out.Body, want)); err != nil || int64(buf.Len()) != want {
		p.held = nil
		return fmt.Errorf("a recording in S3 ends after %d of %d bytes: %w", at+int64(buf.Len()), p.size, errors.Join(err, io.ErrUnexpectedEOF))
	}
	p.at, p.held = at, buf.Bytes()
	return nil
}
