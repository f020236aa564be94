// Package bucket joins the environment on AWS to the bucket of timelines and recordings. It
// is apart from package cloud, since a function that never looks there need not link S3.
package bucket

import (
	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/cloud"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/s3"
)

// Reader reads and deletes there; nil where the environment names no bucket.
func Reader(e cloud.Environment) call.Archive {
	if e.Bucket == "" {
		return nil
	}
	return s3.NewReader(options(e))
}

// Writer writes there; nil where the environment names no bucket. Recordings grow in the
// folder spool.
func Writer(e cloud.Environment, spool string) archive.Keeper {
	if e.Bucket == "" {
		return nil
	}
	return s3.NewWriter(options(e), spool)
}

func options(e cloud.Environment) s3.Options {
	return s3.Options{Bucket: e.Bucket, Region: e.Region, Credentials: e.Credentials, Endpoint: e.Endpoint("S3")}
}
