package cloudtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/clawdbot/call-agent/internal/archive/archivetest"
	"github.com/clawdbot/call-agent/internal/archive/s3"
)

// TestABucketKeepsTheContract of archives, at an S3 that is not ours. Each case has a bucket
// of its own, as TestContract of the package has.
func TestABucketKeepsTheContract(t *testing.T) {
	if !wanted(t) {
		return
	}
	w := &world{T: t, dir: t.TempDir()}
	port := freePort(t)
	script := filepath.Join(root, "scripts", "deploy-emulator.sh")
	run := exec.Command("sh", script, "run", port)
	run.Env = append(os.Environ(), "TMPDIR="+w.dir)
	w.start("emulator", run)
	if out, err := exec.Command("sh", script, "wait", port).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o := s3.Options{
		Region: "us-east-1", Endpoint: "http://127.0.0.1:" + port, PutEvery: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
	owner := sdk.New(sdk.Options{Region: o.Region, Credentials: o.Credentials, BaseEndpoint: &o.Endpoint, UsePathStyle: true})
	buckets := 0
	archivetest.Run(t, func(t *testing.T) archivetest.World {
		buckets++
		o.Bucket = fmt.Sprint("kept-", buckets)
		if _, err := owner.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &o.Bucket}); err != nil {
			t.Fatal(err)
		}
		return archivetest.World{Archive: s3.NewReader(o), Keeper: s3.NewWriter(o, t.TempDir())}
	})
}
