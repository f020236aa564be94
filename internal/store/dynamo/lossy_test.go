package dynamo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// errReset is what a connection says that was cut.
var errReset = &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "any", Err: os.NewSyscallError("read", errors.New("connection reset by peer"))}

// lossy passes requests on, and breaks the write whose number it is told.
type lossy struct {
	*dynamodb.Client
	mu     sync.Mutex
	writes int
	// breaks says what happens to write n, from 0: nothing, it is carried out and its answer
	// lost, or it is refused.
	breaks func(n int) (lost bool, refused error)
	// usage is what was consumed, by operation.
	usage map[string]*usage
}

type usage struct {
	requests int
	writes   float64
	reads    float64
}

func (l *lossy) write(op string, carryOut func() (types.ConsumedCapacity, error)) error {
	l.mu.Lock()
	n := l.writes
	l.writes++
	l.mu.Unlock()
	lost, refused := false, error(nil)
	if l.breaks != nil {
		lost, refused = l.breaks(n)
	}
	if refused != nil {
		return refused
	}
	used, err := carryOut()
	l.consumed(op, used, 0)
	if err == nil && lost {
		return errReset
	}
	return err
}

func (l *lossy) consumed(op string, used types.ConsumedCapacity, reads float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.usage == nil {
		return
	}
	u := l.usage[op]
	if u == nil {
		u = &usage{}
		l.usage[op] = u
	}
	u.requests++
	u.reads += reads
	if used.CapacityUnits != nil && reads == 0 {
		u.writes += *used.CapacityUnits
	}
}

func (l *lossy) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := l.Client.GetItem(ctx, in)
	if err == nil && out.ConsumedCapacity != nil {
		l.consumed("GetItem", *out.ConsumedCapacity, *out.ConsumedCapacity.CapacityUnits)
	}
	return out, err
}

func (l *lossy) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (out *dynamodb.UpdateItemOutput, err error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	return out, l.write("UpdateItem", func() (used types.ConsumedCapacity, err error) {
		if out, err = l.Client.UpdateItem(ctx, in); err == nil && out.ConsumedCapacity != nil {
			used = *out.ConsumedCapacity
		}
		return used, err
	})
}

func (l *lossy) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (out *dynamodb.TransactWriteItemsOutput, err error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	return out, l.write(fmt.Sprintf("TransactWriteItems of %d", len(in.TransactItems)), func() (used types.ConsumedCapacity, err error) {
		if out, err = l.Client.TransactWriteItems(ctx, in); err == nil && len(out.ConsumedCapacity) > 0 {
			used = out.ConsumedCapacity[0]
		}
		return used, err
	})
}

// TestLostAnswersAreFoundOut breaks every single write of a whole life: it is carried out
// and its answer lost. What is left behind is the same.
func TestLostAnswersAreFoundOut(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	total := 0
	for broken := 0; broken == 0 || broken < total; broken++ {
		l := &lossy{Client: c, breaks: func(n int) (bool, error) { return n == broken, nil }}
		s := New(optionsFor(l, newTableFor(t, c)))
		if err := live(t.Context(), s, 1); err != nil {
			t.Fatalf("write %d: %v", broken, err)
		}
		total = l.writes - 1
		if lived(t, s); t.Failed() {
			t.Fatalf("write %d", broken)
		}
	}
	if total < 20 {
		t.Errorf("a life is %d writes", total)
	}
}

// Every write is throttled, then meets another transaction, and is carried out then.
func TestThrottlingAndConflictsAreWaitedFor(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	conflict := &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{Code: some("TransactionConflict")}}}
	faults := []error{&types.ProvisionedThroughputExceededException{}, conflict, &types.TransactionConflictException{}, nil}
	l := &lossy{Client: c, breaks: func(n int) (bool, error) { return false, faults[n%len(faults)] }}
	s := New(optionsFor(l, newTableFor(t, c)))
	if err := live(t.Context(), s, 1); err != nil {
		t.Fatal(err)
	}
	lived(t, s)
}

// The token is not what it rests on: an emulator that does not know tokens, or ten
// minutes that have passed, leave the writer's name.
func TestALostAnswerIsFoundOutWithoutToken(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	for broken := range 8 {
		l := &forgetful{lossy{Client: c}}
		l.breaks = func(n int) (bool, error) { return n == broken, nil }
		s := New(optionsFor(l, newTableFor(t, c)))
		if err := live(t.Context(), s, 1); err != nil {
			t.Fatalf("at write %d: %v", broken, err)
		}
		lived(t, s)
	}
}

// forgetful does not know a transaction again.
type forgetful struct{ lossy }

func (f *forgetful) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	anew := *in
	anew.ClientRequestToken = nil
	return f.lossy.TransactWriteItems(ctx, &anew, o...)
}

func TestSomebodyElsesWriteIsNotTakenForOurs(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	l := &lossy{Client: c}
	s := New(optionsFor(l, newTableFor(t, c)))
	mine := storetest.Create(t, s, storetest.NewCall("a", "+4930100001"))
	theirs := mine.Clone()
	mine.LastError, theirs.LastError = "mine", "theirs"
	other := New(optionsFor(c, s.name))
	first := l.writes
	l.breaks = func(n int) (bool, error) { // between our read and our write they write
		if n != first {
			return false, nil
		}
		return false, other.Update(t.Context(), theirs)
	}
	if err := s.Update(t.Context(), mine); !errors.Is(err, call.ErrStale) {
		t.Errorf("got %v, want ErrStale", err)
	}
	if got, _ := s.Get(t.Context(), "a"); got.LastError != "theirs" {
		t.Errorf("%q is stored", got.LastError)
	}
}

// TestConsumption prints what a call costs, for docs/deploy.md.
func TestConsumption(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	l := &lossy{Client: c, usage: map[string]*usage{}}
	s := New(optionsFor(l, newTableFor(t, c)))
	const minutes = 3
	if err := live(t.Context(), s, minutes*3); err != nil {
		t.Fatal(err)
	}
	var sum usage
	for op, u := range l.usage {
		t.Logf("%-24s %3d requests, %5.1f write units, %5.1f read units", op, u.requests, u.writes, u.reads)
		sum.requests, sum.writes, sum.reads = sum.requests+u.requests, sum.writes+u.writes, sum.reads+u.reads
	}
	t.Logf("a call of two attempts and %d minutes: %d requests, %.1f write units, %.1f read units; its record has %d bytes",
		minutes, sum.requests, sum.writes, sum.reads, len(text(stored(t, s, keyOfCall(lifeID)), attrRecord)))
	if sum.writes == 0 || sum.reads == 0 || sum.writes > 400 || sum.requests > 150 {
		t.Errorf("that is not what docs/deploy.md counts with")
	}
}
