// Package eventbridge is the alarm clock of the control plane on AWS: one-time schedules
// of EventBridge Scheduler, which wake the retry function for the next attempt of a call.
//
// It owns their names, times and input. It is a nudge and no more: a schedule that is
// lost, doubled or late changes nothing, since the due index is swept every minute and
// whoever wakes asks the record what is due (research/aws section 2). It starts no goroutine.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/clawdbot/call-agent/call"
)

// Options of New.
type Options struct {
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is another base URL than AWS's own; empty: AWS's.
	Endpoint string
	// Group is the schedule group, Role the ARN by which schedules invoke, Target the ARN
	// of the function's alias, DeadLetters the ARN of the queue for what could not be delivered.
	Group, Role, Target, DeadLetters string
	// Now is nil for the wall clock.
	Now func() time.Time
	// HTTPClient is for tests; nil means the SDK's own.
	HTTPClient *http.Client
}

// Scheduler is a call.Scheduler. Wake may be called concurrently, by any number of processes.
type Scheduler struct {
	o      Options
	client *scheduler.Client
}

var _ call.Scheduler = (*Scheduler)(nil)

// New makes a scheduler; it asks nothing of AWS.
func New(o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	options := scheduler.Options{
		Region: o.Region, Credentials: aws.NewCredentialsCache(o.Credentials),
		Retryer: aws.NopRetryer{}, // losing one costs a minute, waiting for it costs a provider's patience
	}
	if o.Endpoint != "" {
		options.BaseEndpoint = aws.String(o.Endpoint)
	}
	if o.HTTPClient != nil {
		options.HTTPClient = o.HTTPClient
	}
	return &Scheduler{o: o, client: scheduler.New(options)}
}

const (
	// soonest: EventBridge is no more precise than a minute, and refuses times that are
	// past, so that the sweep is there first.
	soonest = time.Minute
	// limit is how long one request may take.
	limit = 2 * time.Second
	// eventAge and eventTries are for a function that is throttled; later the sweep has done it.
	eventAge, eventTries = 900, 3
)

// Wake makes the schedule for an attempt. One that is there already is success; for
// other work than attempts, and for times nearer than a minute, nothing is made: the
// sweep is as early. The error says what was not made; nothing is lost by it.
func (s *Scheduler) Wake(ctx context.Context, id call.ID, attempt int, at time.Time) error {
	if attempt == 0 || at.Sub(s.o.Now()) < soonest {
		return nil
	}
	input, err := json.Marshal(wake{V: 1, CallID: id, Attempt: attempt})
	if err != nil {
		return fmt.Errorf("encode the wake-up: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	at = roundUp(at).UTC()
	name := name(id, attempt, at)
	_, err = s.client.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		Name: &name, GroupName: &s.o.Group, ClientToken: &name,
		ScheduleExpression:         aws.String("at(" + at.Format("2006-01-02T15:04:05") + ")"),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete, // a spent one stays and counts otherwise
		Target: &types.Target{
			Arn: &s.o.Target, RoleArn: &s.o.Role, Input: aws.String(string(input)),
			RetryPolicy:      &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(eventAge), MaximumRetryAttempts: aws.Int32(eventTries)},
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.o.DeadLetters},
		},
	})
	var there *types.ConflictException
	if err == nil || errors.As(err, &there) {
		return nil
	}
	return fmt.Errorf("create the schedule of attempt %d: %w", attempt, err)
}

// wake is the input of a schedule; package cloud reads it.
type wake struct {
	V       int     `json:"v"`
	CallID  call.ID `json:"callId"`
	Attempt int     `json:"attempt"`
}

// roundUp goes to the next whole second: woken a moment early, nothing would be due.
func roundUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

// name is the same for the same wake-up, and another one where an attempt was put off:
// roles may create schedules, not change them. Call ids are of the alphabet of names.
func name(id call.ID, attempt int, at time.Time) string {
	return string(id) + "-" + strconv.Itoa(attempt) + "-" + strconv.FormatInt(at.Unix(), 36)
}
