package dynamo

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// script answers requests as a test tells it to; it keeps nothing and judges no
// condition. What DynamoDB does is shown against DynamoDB Local; this shows what we make
// of its answers, everywhere.
type script struct {
	// items are what reads find, by partition key.
	items map[string]item
	// reads and writes answer them one after the other, the last for good; none: all goes well.
	reads, writes []func(ctx context.Context) error
	// asked are the operations in their order, sent the writes.
	asked []string
	sent  []any
	batch func(*dynamodb.BatchGetItemInput) *dynamodb.BatchGetItemOutput
	// listed are the entries of every index.
	listed []item
}

func (s *script) next(ctx context.Context, op string, answers *[]func(context.Context) error) error {
	s.asked = append(s.asked, op)
	if len(*answers) == 0 {
		return nil
	}
	answer := (*answers)[0]
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	return answer(ctx)
}

func (s *script) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := s.next(ctx, "get", &s.reads); err != nil {
		return nil, err
	}
	return &dynamodb.GetItemOutput{Item: s.items[text(in.Key, AttrPK)]}, nil
}

func (s *script) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	if err := s.next(ctx, "batch", &s.reads); err != nil {
		return nil, err
	}
	return s.batch(in), nil
}

func (s *script) Query(ctx context.Context, _ *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return &dynamodb.QueryOutput{Items: s.listed}, s.next(ctx, "query", &s.reads)
}

func (s *script) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	s.sent = append(s.sent, in)
	return &dynamodb.PutItemOutput{}, s.next(ctx, "put", &s.writes)
}

func (s *script) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	s.sent = append(s.sent, in)
	return &dynamodb.UpdateItemOutput{}, s.next(ctx, "update", &s.writes)
}

func (s *script) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	s.sent = append(s.sent, in)
	return &dynamodb.TransactWriteItemsOutput{}, s.next(ctx, fmt.Sprint("transact ", len(in.TransactItems)), &s.writes)
}

// token is that of the transaction that was sent as number i.
func (s *script) token(i int) string {
	return *s.sent[i].(*dynamodb.TransactWriteItemsInput).ClientRequestToken
}

// answer is an answer that is always the same.
func answer(err error) func(context.Context) error { return func(context.Context) error { return err } }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// holding is a script and a store whose table holds these calls, as version 1.
func holding(t testing.TB, calls ...call.Call) (*script, *Store) {
	t.Helper()
	c := &script{items: map[string]item{}}
	s := New(Options{Client: c, Table: "calls"})
	for i := range calls {
		calls[i].Version = max(calls[i].Version, 1)
		it, err := s.attributesOf(calls[i], nil)
		if err != nil {
			t.Fatal(err)
		}
		c.items[text(keyOfCall(calls[i].ID), AttrPK)] = with(keyOfCall(calls[i].ID), it)
	}
	return c, s
}

// canceled is a transaction's cancellation for these reasons; "" is none.
func canceled(codes ...string) *types.TransactionCanceledException {
	e := &types.TransactionCanceledException{Message: some("Transaction cancelled")}
	for _, code := range codes {
		if code == "" {
			code = reasonNone
		}
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: some(code), Message: some("because")})
	}
	return e
}

const failed, met = reasonCondition, "TransactionConflict"

// claimed is a call and its next version, with an attempt claimed.
func claimed(t testing.TB) (was, is call.Call) {
	t.Helper()
	was = storetest.NewCall("a", lifeNumber)
	was.Version = 1
	is, changed := storetest.Rules.Next(was, call.Claimed{ClaimID: "claim", At: storetest.Base})
	if !changed {
		t.Fatal("nothing is due")
	}
	return was, is
}

func TestAClaimIsRefusedForTheFirstReason(t *testing.T) {
	for _, test := range []struct {
		reasons []string
		want    error
	}{
		{[]string{failed, "", ""}, call.ErrStale},
		{[]string{failed, failed, failed}, call.ErrStale},
		{[]string{"", failed, ""}, &call.QuotaError{Kind: call.QuotaAttempts}},
		{[]string{"", failed, failed}, &call.QuotaError{Kind: call.QuotaAttempts}},
		{[]string{"", "", failed}, &call.QuotaError{Kind: call.QuotaLive}},
	} {
		was, is := claimed(t)
		c, s := holding(t, was)
		c.writes = append(c.writes, answer(canceled(test.reasons...)))
		err := s.Claim(t.Context(), is, lifeQuota)
		var got, want *call.QuotaError
		if errors.As(test.want, &want) {
			if !errors.As(err, &got) || got.Kind != want.Kind {
				t.Errorf("%q: %v, want %v", test.reasons, err, test.want)
			}
		} else if !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %v", test.reasons, err, test.want)
		}
		if len(c.sent) != 1 {
			t.Errorf("%q: %d writes", test.reasons, len(c.sent))
		}
	}
}

func TestACreationIsRefusedForTheFirstReason(t *testing.T) {
	holder := storetest.NewCall("holder", lifeNumber)
	inWay := item{attrCallID: str("holder"), attrBodyHash: str(lifeKey.BodyHash)}
	for name, test := range map[string]struct {
		reasons []string
		body    string
		want    func(call.Call, error) bool
	}{
		"a repeat":       {[]string{failed, failed, failed, failed}, lifeKey.BodyHash, func(c call.Call, err error) bool { return err == nil && c.ID == "holder" }},
		"another body":   {[]string{failed, "", "", failed}, "other", func(_ call.Call, err error) bool { return isConflict(err, "holder", "another request") }},
		"the id":         {[]string{"", failed, failed, ""}, "", func(_ call.Call, err error) bool { return err != nil && !isConflict(err, "holder", "") }},
		"a held number":  {[]string{"", "", failed, failed}, "", func(_ call.Call, err error) bool { return isConflict(err, "holder", "not final") }},
		"a full day":     {[]string{"", "", "", failed}, "", func(_ call.Call, err error) bool { return isQuota(err, call.QuotaCalls) }},
		"an odd verdict": {[]string{"", "", "ValidationError", ""}, "", func(_ call.Call, err error) bool { return err != nil && !isQuota(err, call.QuotaCalls) }},
	} {
		c, s := holding(t, holder)
		e := canceled(test.reasons...)
		for i := range e.CancellationReasons {
			if test.reasons[i] == failed {
				e.CancellationReasons[i].Item = inWay
			}
		}
		c.writes = append(c.writes, answer(e))
		key := lifeKey
		if test.body != "" {
			key.BodyHash = test.body
		}
		got, err := s.Create(t.Context(), storetest.NewCall("a", lifeNumber), &key, lifeQuota)
		if !test.want(got, err) || len(c.sent) != 1 {
			t.Errorf("%s: %v, %v after %d writes", name, got.ID, err, len(c.sent))
		}
	}
}

func isConflict(err error, about call.ID, words string) bool {
	var e *call.Error
	return errors.As(err, &e) && e.Code == call.Conflict && e.CallID == about && containsText(e.Message, words)
}

func isQuota(err error, kind call.QuotaKind) bool {
	var e *call.QuotaError
	return errors.As(err, &e) && e.Kind == kind
}
