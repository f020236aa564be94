package dynamo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// fill stores that many calls, a second apart, each to a number of its own.
func fill(t testing.TB, s *Store, calls int) {
	t.Helper()
	next, done := make(chan int), sync.WaitGroup{}
	for range 8 {
		done.Go(func() {
			for i := range next {
				c := storetest.NewCall(fmt.Sprintf("call-%05d", i), fmt.Sprintf("+49301%08d", i))
				c.CreatedAt = storetest.Base.Add(time.Duration(i) * time.Second)
				if _, err := s.Create(context.Background(), c, nil, call.Quota{Day: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range calls {
		next <- i
	}
	close(next)
	done.Wait()
}

// Whoever asks for what hardly any call is gets short pages, each for a bounded read.
func TestAPageReadsSoMuchAndNoMore(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	fill(t, s, call.ListReads+50)
	q := call.Query{Owner: "tests", Outcome: call.Booked, Limit: 10}
	p, err := s.List(t.Context(), q)
	if err != nil || len(p.Calls) != 0 || p.Next == nil {
		t.Fatalf("%d calls, next %v, %v", len(p.Calls), p.Next, err)
	}
	q.After = p.Next
	if p, err = s.List(t.Context(), q); err != nil || len(p.Calls) != 0 || p.Next != nil {
		t.Errorf("%d calls, next %v, %v", len(p.Calls), p.Next, err)
	}
}

// A program without lists placed this call; the first write of one with them lists it.
func TestACallOfAnOlderProgramIsListedWhenItIsWritten(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	c := storetest.Create(t, s, storetest.NewCall("a", "+4930100001"))
	_, err := s.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: keyOfCall("a"), UpdateExpression: aws.String("REMOVE #l, #o, #c, #p"),
		ExpressionAttributeNames: map[string]string{"#l": AttrList, "#o": AttrOwner, "#c": AttrCallee, "#p": AttrPlace},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 1} {
		for _, q := range []call.Query{{}, {Owner: c.Owner}, {Status: c.Status}, {Outcome: c.Outcome}, {To: c.Request.To}} {
			q.Limit = 10
			if p, err := s.List(t.Context(), q); err != nil || len(p.Calls) != want {
				t.Errorf("%+v lists %d calls, want %d, %v", q, len(p.Calls), want, err)
			}
		}
		if i == 0 {
			if err := s.Update(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	storetest.Apply(t, s, "a", storetest.Ended()...)
	if err := s.Delete(t.Context(), "a"); err != nil { // its idempotency key is not known
		t.Error(err)
	}
}

// What DynamoDB has not deleted yet is not listed.
func TestForgottenCallsAreNotListed(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	now := storetest.Base
	o := optionsFor(c, newTableFor(t, c))
	o.Now = func() time.Time { return now }
	s := New(o)
	if err := live(t.Context(), s, 1); err != nil {
		t.Fatal(err)
	}
	storetest.Create(t, s, storetest.NewCall("b", "+4930100009"))
	for _, want := range []int{2, 1} {
		if p, err := s.List(t.Context(), call.Query{Limit: 10}); err != nil || len(p.Calls) != want {
			t.Errorf("%d calls, want %d, %v", len(p.Calls), want, err)
		}
		now = now.Add(s.retention + 15*24*time.Hour)
	}
}

// An index goes on to list a call for a moment that has been deleted: its record is asked for
// as the table has it, not as a copy of the table that may be behind, too.
func TestADeletedCallIsNotListedByAnIndexThatIsBehind(t *testing.T) {
	c, s := holding(t, storetest.NewCall("a", "+4930100001"))
	c.listed = []item{{AttrPlace: str(placeKey(call.Place{CreatedAt: storetest.Base, ID: "a"}))}}
	c.batch = func(in *dynamodb.BatchGetItemInput) *dynamodb.BatchGetItemOutput {
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]item{}}
		for name, asked := range in.RequestItems {
			if !aws.ToBool(asked.ConsistentRead) { // the copy has not heard of the deletion
				out.Responses[name] = []item{c.items["CALL#a"]}
			}
		}
		return out
	}
	if p, err := s.List(t.Context(), call.Query{Limit: 10}); err != nil || len(p.Calls) != 0 || len(c.asked) != 2 {
		t.Errorf("%d calls, %v after %q", len(p.Calls), err, c.asked)
	}
}

// A deletion whose answer is lost was carried out; what a call was bound to that is
// another's by now is left to it.
func TestALostAnswerOfADeletionIsFoundOut(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	for _, carriedOut := range []bool{true, false} {
		l := &lossy{Client: c}
		s := New(optionsFor(l, newTableFor(t, c)))
		if err := live(t.Context(), s, 1); err != nil {
			t.Fatal(err)
		}
		first := l.writes
		l.breaks = func(n int) (bool, error) { return n == first && carriedOut, lost(n == first && !carriedOut) }
		if err := s.Delete(t.Context(), lifeID); err != nil {
			t.Errorf("carried out %v: %v", carriedOut, err)
		}
		for what, err := range map[string]error{
			"get": second(s.Get(t.Context(), lifeID)), "key": second(s.Repeat(t.Context(), lifeKey, storetest.Base)), "provider": second(s.ByProviderCall(t.Context(), sid1)),
		} {
			if !errors.Is(err, call.ErrNotFound) {
				t.Errorf("carried out %v: %s: %v", carriedOut, what, err)
			}
		}
	}
}

// lost is a request that never arrived.
func lost(yes bool) error {
	if yes {
		return errReset
	}
	return nil
}

// Ten thousand calls: pages by index, and the same page as one would get it without: from
// all records, read 1 MB at a time.
func BenchmarkPageOfTenThousand(b *testing.B) {
	s := open(b)
	if s == nil {
		b.Skip("DynamoDB Local is missing")
	}
	fill(b, s, 10_000)
	for _, bench := range []struct {
		name string
		q    call.Query
	}{
		{"first", call.Query{Limit: 50}},
		{"last", call.Query{Limit: 50, Until: storetest.Base.Add(100 * time.Second)}},
		{"status=queued", call.Query{Status: call.Queued, Limit: 50}},
		{"to", call.Query{To: "+4930100000042", Limit: 50}},
		{"owner+outcome", call.Query{Owner: "tests", Outcome: call.Pending, Limit: 50}},
	} {
		b.Run(bench.name+"/index", func(b *testing.B) {
			for b.Loop() {
				if _, err := s.List(b.Context(), bench.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			in := &dynamodb.ScanInput{TableName: &s.name}
			for {
				out, err := s.client.(*dynamodb.Client).Scan(b.Context(), in)
				if err != nil {
					b.Fatal(err)
				}
				if len(out.LastEvaluatedKey) == 0 {
					break
				}
				in.ExclusiveStartKey = out.LastEvaluatedKey
			}
		}
	})
}
