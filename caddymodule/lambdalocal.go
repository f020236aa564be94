package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/clawdbot/call-agent/internal/demo"
	"github.com/clawdbot/call-agent/internal/lambdalocal"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

func init() { caddycmd.RegisterCommand(lambdaLocalCommand) }

var lambdaLocalCommand = caddycmd.Command{
	Name:  "lambda-local",
	Usage: "[--config document.json] [--dist dist/local] [--dynamodb http://127.0.0.1:4603]",
	Short: "Runs the functions of template.yaml on this machine, without Docker or account",
	Long: "Runs the real functions behind the Lambda Runtime API, with an HTTP API in front of them, and the schedules, the\n" +
		"configuration parameter and the table's stream that they need. The table is on DynamoDB Local; live calls are on a\n" +
		"media host beside it. make local starts all three. Without --config everything outside is simulated.\n" +
		"For trying out alone: whoever reaches its ports may do everything.",
	CobraFunc: func(c *cobra.Command) {
		var o localCloud
		f := c.Flags()
		f.StringVar(&o.config, "config", "", "the configuration document, as JSON; empty simulates everything outside")
		f.StringVar(&o.template, "template", "template.yaml", "the template")
		f.StringVar(&o.dist, "dist", filepath.Join("dist", "local"), "folder with <function>/bootstrap, built for this machine")
		f.StringVar(&o.listen, "listen", "127.0.0.1:4600", "address of the HTTP API")
		f.StringVar(&o.services, "services", "127.0.0.1:4602", "address of what stands for SSM and EventBridge Scheduler")
		f.StringVar(&o.dynamoDB, "dynamodb", "http://127.0.0.1:4603", "base URL of DynamoDB Local")
		f.StringVar(&o.table, "table", "callagent", "name of the table; it is made if it is not there")
		f.StringVar(&o.media, "media", "ws://127.0.0.1:4601", "the media host, as stream.hosts names it; for the simulation")
		f.StringVar(&o.out, "out", filepath.Join("out", "local"), "folder of the simulation's calendar")
		c.SilenceUsage = true
		c.RunE = func(c *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(c.Context())
			defer stop()
			return o.run(ctx)
		}
	},
}

// localCloud is what the command was told.
type localCloud struct {
	config, template, dist, listen, services, dynamoDB, table, media, out string
}

func (o localCloud) run(ctx context.Context) (err error) {
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	client := dynamo.NewClient(dynamo.ClientOptions{Region: "us-east-1", Endpoint: o.dynamoDB, Credentials: key})
	if err := dynamo.CreateTable(ctx, client, o.table); err != nil {
		return fmt.Errorf("%w (is DynamoDB Local there? sh scripts/dynamodb-local.sh run 4603 starts it)", err)
	}
	document := func() ([]byte, error) { return os.ReadFile(o.config) }
	var around *demo.Surroundings
	if o.config == "" {
		if around, err = demo.Surround(ctx, demo.SurroundOptions{Out: o.out, Streams: []string{o.media}, Stdout: os.Stdout}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, around.Close()) }()
		document = func() ([]byte, error) { return json.Marshal(around.Document()) }
	} else if _, err := document(); err != nil {
		return fmt.Errorf("read the configuration document: %w", err)
	}
	r, err := lambdalocal.Start(ctx, lambdalocal.Options{
		Template: o.template, Dist: o.dist, Table: o.table, DynamoDB: o.dynamoDB, Document: document,
		Listen: o.listen, Services: o.services, Output: os.Stderr, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "The functions are served at %s; a media host needs AWS_ENDPOINT_URL_SSM=%s.\n", r.URL(), r.Services())
	if around != nil {
		around.Invite(os.Stdout, r.URL())
	}
	<-ctx.Done()
	return r.Close()
}
