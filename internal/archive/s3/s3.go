// Package s3 keeps timelines and recordings in a bucket: the archive of hosts that come and
// go. It owns the names of the objects, calls/<call id>/<attempt>.jsonl and .wav. The
// bucket's own settings encrypt them, and let them expire (template.yaml). [Writer] is the
// media hosts', whose role may put and nothing else; [Reader] is the control plane's.
package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/clawdbot/call-agent/call"
)

// Options reach a bucket.
type Options struct {
	Bucket, Region string
	Credentials    aws.CredentialsProvider
	// PutEvery is how often a timeline that grows is put, at most; 0 is 2 s.
	PutEvery time.Duration
	// Endpoint is another base URL than AWS's own, "" for that.
	Endpoint string
}

// Limits of one request: of a timeline, and of a recording, which may take minutes to send.
const (
	requestLimit   = 10 * time.Second
	recordingLimit = 5 * time.Minute
	tries          = 3
)

func (o Options) client() *sdk.Client {
	c := sdk.Options{
		Region: o.Region, Credentials: o.Credentials,
		Retryer: retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts = tries; r.MaxBackoff = time.Second }),
		// A part of an object has no checksum of its own, and TLS has one.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired, DisableLogOutputChecksumValidationSkipped: true,
	}
	if o.Endpoint != "" {
		c.BaseEndpoint, c.UsePathStyle = aws.String(o.Endpoint), true
	}
	return sdk.New(c)
}

// The kinds of objects.
const (
	timeline  = ".jsonl"
	recording = ".wav"
)

// prefix is where all that is kept of a call begins.
func prefix(id call.ID) string { return "calls/" + string(id) + "/" }

// key names an object. An id that is none of ours has no object.
func key(id call.ID, attempt int, kind string) (string, error) {
	if !id.Valid() || attempt < 1 {
		return "", call.ErrNotFound
	}
	return prefix(id) + strconv.Itoa(attempt) + kind, nil
}

// found is an error of the service in the archive's words. Who may not list a bucket is
// told that an object which is not there is denied: the reader's role may list it.
func found(err error, what string) error {
	var none *types.NoSuchKey
	var other *types.NotFound
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &none) || errors.As(err, &other) || errors.As(err, &status) && status.HTTPStatusCode() == http.StatusNotFound && !noBucket(err) {
		return call.ErrNotFound
	}
	return fmt.Errorf("%s in S3: %w", what, err)
}

func noBucket(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket"
}
