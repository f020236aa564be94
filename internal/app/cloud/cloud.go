// Package cloud composes the control plane's functions on AWS: the same call service and
// handlers as on one host, over the table, the schedules and the configuration document
// in SSM. A function is a thin main (lambdas/*) that names its handler; everything that
// the functions have in common is here. It decides nothing about calls.
//
// A function reads its document before it takes its first event, again after five
// minutes, and goes on with the last good one where SSM does not answer. It keeps no
// other state: any number of instances run at once.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// Environment is what template.yaml tells a function, and the media host's stack a host.
type Environment struct {
	// Parameter is the name of the SSM SecureString with the document, Table the call table's.
	Parameter, Table string
	// Bucket is where timelines and recordings lie; empty in functions that do not look
	// there, and where nothing is kept.
	Bucket string
	// ScheduleGroup to ScheduleDLQ name where one-time schedules are made and what they
	// wake; empty on media hosts and in functions that make none.
	ScheduleGroup, ScheduleRole, ScheduleTarget, ScheduleDLQ string
	Region                                                   string
	Credentials                                              aws.CredentialsProvider
	// Lookup finds other variables: endpoints, and keys of the configuration.
	Lookup func(string) (string, bool)
}

// Variables of the process that the environment is read from.
const (
	VarParameter      = config.EnvPrefix + "PARAMETER"
	VarTable          = config.EnvPrefix + "TABLE"
	VarBucket         = config.EnvPrefix + "ARCHIVE_BUCKET"
	varScheduleGroup  = config.EnvPrefix + "SCHEDULE_GROUP"
	varScheduleRole   = config.EnvPrefix + "SCHEDULE_ROLE"
	varScheduleTarget = config.EnvPrefix + "SCHEDULE_TARGET"
	varScheduleDLQ    = config.EnvPrefix + "SCHEDULE_DLQ"
)

// FromEnv reads the environment. The error names every variable that is missing.
func FromEnv(lookup func(string) (string, bool)) (Environment, error) {
	e := Environment{Lookup: lookup}
	var missing []string
	for name, at := range map[string]*string{VarParameter: &e.Parameter, VarTable: &e.Table, "AWS_REGION": &e.Region} {
		if *at, _ = lookup(name); *at == "" {
			missing = append(missing, name)
		}
	}
	for name, at := range map[string]*string{
		VarBucket: &e.Bucket, varScheduleGroup: &e.ScheduleGroup, varScheduleRole: &e.ScheduleRole, varScheduleTarget: &e.ScheduleTarget, varScheduleDLQ: &e.ScheduleDLQ,
	} {
		*at, _ = lookup(name)
	}
	e.Credentials = aws.CredentialsProviderFunc(e.fromVariables)
	if len(missing) > 0 {
		return e, fmt.Errorf("the environment lacks %s; template.yaml and infra/media-host.yaml set them", strings.Join(missing, ", "))
	}
	return e, nil
}

var errNoCredentials = errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; on Lambda they are")

// fromVariables are the credentials that Lambda gives a function, for as long as its
// instance lives (research/aws section 4: aws/config would find the same, for 2 MB).
func (e Environment) fromVariables(context.Context) (aws.Credentials, error) {
	id, _ := e.Lookup("AWS_ACCESS_KEY_ID")
	secret, _ := e.Lookup("AWS_SECRET_ACCESS_KEY")
	session, _ := e.Lookup("AWS_SESSION_TOKEN")
	if id == "" || secret == "" {
		return aws.Credentials{}, errNoCredentials
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session, Source: "environment"}, nil
}

// Endpoint is another base URL than AWS's own for a service (DYNAMODB, SSM, SCHEDULER, S3), or "".
func (e Environment) Endpoint(service string) string {
	if u, _ := e.Lookup("AWS_ENDPOINT_URL_" + service); u != "" {
		return strings.TrimRight(u, "/")
	}
	u, _ := e.Lookup("AWS_ENDPOINT_URL")
	return strings.TrimRight(u, "/")
}

// TableOptions reach the call table; retention is how long final calls are kept.
func (e Environment) TableOptions(now func() time.Time, retention time.Duration) dynamo.Options {
	return dynamo.Options{
		Client: dynamo.NewClient(dynamo.ClientOptions{Region: e.Region, Credentials: e.Credentials, Endpoint: e.Endpoint("DYNAMODB")}),
		Table:  e.Table, Now: now, Retention: retention,
	}
}
