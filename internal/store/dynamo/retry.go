package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Waits between repeats: each is between half of it and all of it, so that those who
// met once do not meet again.
const (
	firstWait   = 20 * time.Millisecond
	longestWait = 640 * time.Millisecond
)

// errNoAnswer means that one request took longer than a request may.
var errNoAnswer = errors.New("DynamoDB did not answer in time")

// do makes a request, and repeats it where DynamoDB throttles, is in trouble, does not
// answer, or has another transaction under way on the same items, for as long as ctx and
// our patience allow. Whether a repeated write was carried out the first time, once must
// be able to tell.
func (t *table) do(ctx context.Context, doing string, once func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	wait := firstWait
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		err := t.within(ctx, once)
		if err == nil {
			return nil
		}
		if !transient(err) || !sleep(ctx, wait/2+rand.N(wait/2)) {
			return fmt.Errorf("%s: %w", doing, t.explain(err))
		}
		wait = min(2*wait, longestWait)
	}
}

// within makes one request in the time that one may take.
func (t *table) within(ctx context.Context, once func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, errNoAnswer)
	defer cancel()
	err := once(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errNoAnswer) {
		return fmt.Errorf("%w (%v): %w", errNoAnswer, t.timeout, err)
	}
	return err
}

// sleep waits, unless ctx would be over by then: who asks hears what went wrong, and not
// only that time was up.
func sleep(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// transient says whether the same request may succeed a moment later.
func transient(err error) bool {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return canceledForNow(canceled)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "TransactionConflictException", "InternalServerError", "ServiceUnavailable":
			return true
		}
	}
	return errors.Is(err, errNoAnswer) || retryable.IsErrorRetryable(err) == aws.TrueTernary
}

// retryable knows throttling, lost connections and 5xx answers.
var retryable = retry.IsErrorRetryables(retry.DefaultRetryables)

// Codes of cancellation reasons.
const (
	reasonCondition = "ConditionalCheckFailed"
	reasonNone      = "None"
)

// canceledForNow says whether a transaction met another one, or throttling. Then its
// other reasons are not the whole verdict: what the other transaction wrote is not in
// them, and a better answer than theirs may follow from it.
func canceledForNow(e *types.TransactionCanceledException) bool {
	for _, r := range e.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded":
			return true
		}
	}
	return false
}

// mends say what to do about errors that repeating does not help.
var mends = map[string]string{
	"ResourceNotFoundException":              "there is no such table in this region; deploy template.yaml, or set CALLAGENT_TABLE and AWS_REGION to where it is",
	"AccessDeniedException":                  "the role may not do this; give it the statements that template.yaml has",
	"UnrecognizedClientException":            "the credentials are not known; renew them",
	"ExpiredTokenException":                  "the credentials have expired; renew them",
	"ProvisionedThroughputExceededException": "the table throttles; give it on-demand capacity, or wait until its traffic calms down",
	"ThrottlingException":                    "the table throttles; wait until its traffic calms down, or raise its limits",
	"RequestLimitExceeded":                   "the account's limit of requests is reached; ask AWS to raise it",
	"TransactionCanceledException":           "other writes of the same items kept coming",
}

// explain says how to mend an error that DynamoDB has a code for.
func (t *table) explain(err error) error {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) && !canceledForNow(canceled) {
		return err // a verdict, which commit reads
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	if mend, ok := mends[api.ErrorCode()]; ok {
		return fmt.Errorf("table %s: %s: %w", t.name, mend, err)
	}
	return err
}
