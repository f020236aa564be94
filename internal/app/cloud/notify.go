package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// batch is what a DynamoDB stream hands over, as far as we read it. With BatchSize 8 all
// are told at once, which takes as long as the slowest hook.
type batch struct {
	Records []struct {
		EventName string `json:"eventName"`
		DynamoDB  struct {
			Keys           map[string]struct{ S string }
			SequenceNumber string
		} `json:"dynamodb"`
	}
}

// failures is the answer of ReportBatchItemFailures.
type failures struct {
	BatchItemFailures []failure `json:"batchItemFailures"`
}

type failure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// Notify tells owners what came of their calls, woken by the outbox items that the table's
// stream brings. A hook that does not take the notice is no failure of the batch: the try
// is on record and falls due again. Only what could not be read or recorded is repeated.
func (p *Plane) Notify() (Handler, error) { return notify{p}, nil }

type notify struct{ *Plane }

var errBatch = errors.New("this event is no batch of a DynamoDB stream")

// Invoke delivers a batch.
func (n notify) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var b batch
	if err := json.Unmarshal(event, &b); err != nil || b.Records == nil {
		return nil, errBatch
	}
	failed := make([]bool, len(b.Records))
	var all sync.WaitGroup
	for i, r := range b.Records {
		id, ours := callOf(r.DynamoDB.Keys[dynamo.AttrPK].S, r.DynamoDB.Keys[dynamo.AttrSK].S)
		if !ours || r.EventName != "INSERT" { // the stream's filter lets nothing else through
			continue
		}
		all.Go(func() {
			if err := n.Service.Deliver(ctx, id); err != nil {
				failed[i] = true
				n.Log.ErrorContext(ctx, "cannot tell the owner; the stream brings it again", "call_id", id, "error", err)
			}
		})
	}
	all.Wait()
	out := failures{BatchItemFailures: []failure{}}
	for i, r := range b.Records {
		if failed[i] {
			out.BatchItemFailures = append(out.BatchItemFailures, failure{ItemIdentifier: r.DynamoDB.SequenceNumber})
		}
	}
	return json.Marshal(out)
}

// callOf is the call whose outbox item has this key.
func callOf(pk, sk string) (id call.ID, ours bool) {
	name, isCall := strings.CutPrefix(pk, dynamo.CallPrefix)
	return call.ID(name), isCall && name != "" && strings.HasPrefix(sk, dynamo.OutboxPrefix)
}
