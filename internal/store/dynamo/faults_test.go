package dynamo

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func containsText(s, words string) bool { return strings.Contains(s, words) }

var (
	errThrottled = &types.ProvisionedThroughputExceededException{Message: some("slow down")}
	errLimit     = &smithy.GenericAPIError{Code: "RequestLimitExceeded", Message: "of the account"}
	errServer    = &types.InternalServerError{Message: some("it is us")}
	errConflict  = &types.TransactionConflictException{Message: some("under way")}
	errProgress  = &types.TransactionInProgressException{Message: some("under way")}
	errRefused   = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
)

func TestPassingTroubleIsWaitedOut(t *testing.T) {
	for _, trouble := range []error{errThrottled, errLimit, errServer, errConflict, errProgress, errReset, errRefused, canceled(met), canceled("ThrottlingError"), canceled(failed, met)} {
		synctest.Test(t, func(t *testing.T) {
			was, is := claimed(t)
			c, s := holding(t, was)
			c.writes = []func(context.Context) error{answer(trouble), answer(trouble), answer(trouble), answer(nil)}
			began := time.Now()
			if err := s.Update(t.Context(), is); err != nil {
				t.Errorf("%T: %v", trouble, err)
			}
			if took := time.Since(began); len(c.sent) != 4 || took < 7*firstWait/2 || took > 7*firstWait {
				t.Errorf("%T: %d writes in %v", trouble, len(c.sent), took)
			}
		})
	}
}

// Without an end: our own patience, or the caller's, and the cause is said.
func TestLastingTroubleIsSaidInTime(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c, s := holding(t)
			c.reads = []func(context.Context) error{answer(errThrottled)}
			ctx, within := t.Context(), defaultPatience
			if limit > 0 {
				within = limit
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, limit)
				defer cancel()
			}
			began := time.Now()
			_, err := s.Get(ctx, "a")
			if took := time.Since(began); took > within || took < within-longestWait {
				t.Errorf("it took %v of %v", took, within)
			}
			var throttled *types.ProvisionedThroughputExceededException
			if !errors.As(err, &throttled) || !strings.Contains(err.Error(), "table calls: the table throttles; give it") {
				t.Errorf("got %v", err)
			}
			if len(c.asked) < 4 {
				t.Errorf("%d requests", len(c.asked))
			}
		})
	}
}

func TestARequestWithoutAnswerIsGivenUpAndMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := holding(t, storetest.NewCall("a", lifeNumber))
		c.reads = []func(context.Context) error{hang, answer(nil)}
		began := time.Now()
		if _, err := s.Get(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < defaultCallTimeout || took > defaultCallTimeout+firstWait {
			t.Errorf("it took %v", took)
		}
		c.reads = []func(context.Context) error{hang}
		began = time.Now()
		_, err := s.Get(t.Context(), "a")
		if took := time.Since(began); took > defaultPatience || err == nil {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("within the caller's second: %v", err)
		}
	})
}

func TestWhatRepeatingDoesNotHelpIsSaidAtOnce(t *testing.T) {
	for want, trouble := range map[string]error{
		"CALLAGENT_TABLE":        &types.ResourceNotFoundException{},
		"give it the statements": &smithy.GenericAPIError{Code: "AccessDeniedException"},
		"have expired":           &smithy.GenericAPIError{Code: "ExpiredTokenException"},
		"renew them":             &smithy.GenericAPIError{Code: "UnrecognizedClientException"},
		"ValidationException":    &smithy.GenericAPIError{Code: "ValidationException"},
	} {
		was, is := claimed(t)
		c, s := holding(t, was)
		c.writes = []func(context.Context) error{answer(trouble)}
		err := s.Claim(t.Context(), is, lifeQuota)
		if !errors.Is(err, trouble) || !strings.Contains(err.Error(), want) || len(c.sent) != 1 {
			t.Errorf("%v after %d writes, want %q", err, len(c.sent), want)
		}
	}
}

// writtenBy is the record as the update that was sent would have left it.
func writtenBy(u *dynamodb.UpdateItemInput) item {
	return item{attrWriter: u.ExpressionAttributeValues[":writer"], attrVersion: u.ExpressionAttributeValues[":next"]}
}

func TestALostAnswerOfOneUpdateIsFoundOut(t *testing.T) {
	for _, saysWhose := range []bool{true, false} {
		was, is := claimed(t)
		c, s := holding(t, was)
		c.writes = []func(context.Context) error{answer(errReset), func(context.Context) error {
			mine := writtenBy(c.sent[0].(*dynamodb.UpdateItemInput))
			if saysWhose {
				return &types.ConditionalCheckFailedException{Item: mine}
			}
			c.items["CALL#a"] = with(c.items["CALL#a"], mine)
			return &types.ConditionalCheckFailedException{}
		}}
		if err := s.Update(t.Context(), is); err != nil || len(c.sent) != 2 {
			t.Errorf("%v after %d writes", err, len(c.sent))
		}
	}
	was, is := claimed(t)
	c, s := holding(t, was)
	c.writes = []func(context.Context) error{answer(errReset), answer(&types.ConditionalCheckFailedException{Item: item{attrWriter: str("other")}})}
	if err := s.Update(t.Context(), is); !errors.Is(err, call.ErrStale) {
		t.Errorf("somebody else's write: %v", err)
	}
}

// While a transaction's answer is open its token stays; a cancelled one is over.
func TestATokenNamesOneTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was, is := claimed(t)
		c, s := holding(t, was)
		c.writes = []func(context.Context) error{answer(errReset), answer(errProgress), answer(errServer), answer(canceled(met, "", "")), hang, answer(nil)}
		if err := s.Claim(t.Context(), is, lifeQuota); err != nil {
			t.Fatal(err)
		}
		var tokens []string
		for i := range c.sent {
			tokens = append(tokens, c.token(i))
		}
		if len(tokens) != 6 || len(slices.Compact(tokens[:4])) != 1 || c.token(4) != c.token(5) || c.token(3) == c.token(4) {
			t.Errorf("tokens are %q", tokens)
		}
	})
}

// Another transaction is writing the same key: its verdict is awaited, or a repeat would
// be called a conflict about the number that its own first request holds.
func TestAVerdictIsReadWhenItIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := holding(t, storetest.NewCall("first", lifeNumber))
		half, whole := canceled(met, "", failed, ""), canceled(failed, "", failed, "")
		half.CancellationReasons[2].Item = item{attrCallID: str("first")}
		whole.CancellationReasons[0].Item = item{attrCallID: str("first"), attrBodyHash: str(lifeKey.BodyHash)}
		c.writes = []func(context.Context) error{answer(half), answer(whole)}
		got, err := s.Create(t.Context(), storetest.NewCall("a", lifeNumber), &lifeKey, lifeQuota)
		if err != nil || got.ID != "first" {
			t.Errorf("%v, %v", got.ID, err)
		}
	})
}

func TestAProvidersIDOfAnotherCallDoesNotHoldTheRecordUp(t *testing.T) {
	was, _ := claimed(t)
	c, s := holding(t, was)
	ended := was.Clone()
	for _, e := range slices.Concat(attemptEvents(1, sid1, 0)) {
		ended, _ = storetest.Rules.Next(ended, e)
	}
	c.writes = []func(context.Context) error{answer(canceled("", failed)), answer(nil)}
	if err := s.Update(t.Context(), ended); err != nil || !slices.Equal(c.asked, []string{"get", "transact 2", "update"}) {
		t.Errorf("%v after %q", err, c.asked)
	}
}

func TestWhatStandsInTheWayForeverIsNotWrittenOverForever(t *testing.T) {
	c, s := holding(t)
	gone := canceled("", "", failed, "")
	gone.CancellationReasons[2].Item = item{attrCallID: str("gone")}
	c.writes = []func(context.Context) error{answer(gone)}
	if _, err := s.Create(t.Context(), storetest.NewCall("a", lifeNumber), &lifeKey, lifeQuota); err == nil || len(c.sent) != tries {
		t.Errorf("%v after %d writes", err, len(c.sent))
	}
}

func TestExpiredItemsAreNotSeen(t *testing.T) {
	final := storetest.NewCall("a", lifeNumber)
	final.CompletedAt, final.Due, final.Status = ptr(storetest.Base), nil, call.Failed
	c := &script{items: map[string]item{}}
	s := New(Options{Client: c, Table: "calls", Retention: time.Hour, Now: func() time.Time { return storetest.Base.Add(time.Hour) }})
	final.Version = 1
	it, err := s.attributesOf(final, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.items["CALL#a"] = with(keyOfCall("a"), it)
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("at its time: %v", err)
	}
	if err := s.Update(t.Context(), final); !errors.Is(err, call.ErrNotFound) || len(c.sent) > 0 {
		t.Errorf("%v after %d writes", err, len(c.sent))
	}
	s.now = func() time.Time { return storetest.Base.Add(time.Hour - time.Second) }
	if _, err := s.Get(t.Context(), "a"); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

// DynamoDB answers for a part of a batch when it throttles.
func TestUnreadHostsAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &script{}
		h := NewHosts(Options{Client: c, Table: "calls", Now: func() time.Time { return storetest.Base }})
		rounds := 0
		c.batch = func(in *dynamodb.BatchGetItemInput) *dynamodb.BatchGetItemOutput {
			rounds++
			keys := in.RequestItems["calls"].Keys
			if rounds == 1 {
				return &dynamodb.BatchGetItemOutput{UnprocessedKeys: in.RequestItems}
			}
			url, _ := hostOfKey(keys[0])
			out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{"calls": {encodeHost(HostReport{URL: url, At: storetest.Base})}}}
			if len(keys) > 1 {
				out.UnprocessedKeys = map[string]types.KeysAndAttributes{"calls": {Keys: keys[1:]}}
			}
			return out
		}
		got, err := h.Fresh(t.Context(), []string{"wss://a", "wss://b", "wss://c"}, storetest.Base)
		if err != nil || len(got) != 3 || rounds != 4 {
			t.Errorf("%v, %v in %d rounds", got, err, rounds)
		}
	})
}

func TestTheClientSpeaksToItsEndpointAndLeavesRepeatsToTheStore(t *testing.T) {
	var asked []string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host+" "+r.Header.Get("X-Amz-Target")+" "+strings.SplitN(r.Header.Get("Authorization"), ",", 2)[0])
		return nil, errRefused
	})
	for endpoint, host := range map[string]string{"": "dynamodb.eu-central-1.amazonaws.com", "http://127.0.0.1:9": "127.0.0.1:9"} {
		asked = nil
		c := NewClient(ClientOptions{
			Region: "eu-central-1", Credentials: aws.CredentialsProviderFunc(testCredentials), Endpoint: endpoint,
			HTTPClient: &http.Client{Transport: transport},
		})
		for n := range 2 { // the second time by the endpoint that was kept
			_, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: some("calls"), Key: keyOfPing})
			if err == nil || !transient(err) {
				t.Errorf("a connection refused: %v", err)
			}
			if len(asked) != n+1 || !strings.HasPrefix(asked[n], host+" DynamoDB_20120810.GetItem AWS4-HMAC-SHA256 Credential=local/") {
				t.Errorf("asked %q", asked)
			}
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
