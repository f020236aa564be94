package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
)

// allCalls is the one value of the list of all calls. Its partition takes 1,000 new calls a
// second; a call is written to it once, and again where its status or outcome changes.
const allCalls = "CALLS"

// placeKey orders calls by creation, and those of one instant by id.
func placeKey(p call.Place) string { return p.CreatedAt.UTC().Format(sortable) + string(p.ID) }

// placeOfKey reads what placeKey wrote.
func placeOfKey(s string) (call.Place, error) {
	at, err := time.Parse(sortable, s[:min(len(s), len(sortable))])
	if err != nil {
		return call.Place{}, fmt.Errorf("a record's attribute %s is %q; restore the item from a backup: %w", AttrPlace, s, err)
	}
	return call.Place{CreatedAt: at, ID: call.ID(s[len(sortable):])}, nil
}

// listOf is the index that a query is answered by, and the value in it.
func listOf(q call.Query) (by, value string) {
	switch i, under := q.Best(); i {
	case call.IndexOwner:
		return AttrOwner, under
	case call.IndexStatus:
		return AttrStatus, under
	case call.IndexOutcome:
		return AttrOutcome, under
	case call.IndexTo:
		return AttrCallee, hash(under)
	case call.IndexAll:
	}
	return AttrList, allCalls
}

// List implements call.Store. DynamoDB keeps an index a moment behind its table: a call
// that has just been placed, or has just changed, may be missing. What is returned is as
// it stands in the table. Records that an older program wrote, and none since, are in no list.
func (s *Store) List(ctx context.Context, q call.Query) (call.Page, error) {
	var p call.Page
	in := s.listing(q)
	if in == nil {
		return p, ctx.Err()
	}
	for reads := 0; ; {
		most := call.ListReads - reads
		if in.FilterExpression == nil { // every entry is one that was asked for; besides, where the last page ended, and whether more is behind
			most = min(most, q.Limit-len(p.Calls)+2)
		}
		in.Limit = aws.Int32(int32(most)) //nolint:gosec // at most ListReads
		out, err := s.query(ctx, "list calls", in)
		if err != nil {
			return call.Page{}, err
		}
		reads += int(out.ScannedCount)
		places, err := placesOf(out.Items, q.After)
		if err != nil {
			return call.Page{}, err
		}
		room := q.Limit - len(p.Calls)
		calls, err := s.read(ctx, places[:min(room, len(places))], q)
		if err != nil {
			return call.Page{}, err
		}
		p.Calls = append(p.Calls, calls...)
		switch {
		case len(places) > room:
			p.Next = &places[room-1]
			return p, nil
		case len(out.LastEvaluatedKey) == 0:
			return p, nil
		case reads >= call.ListReads || len(places) == room:
			next, err := placeOfKey(text(out.LastEvaluatedKey, AttrPlace))
			p.Next = &next
			return p, err
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// listing is a query's first request; nil where no call could be an answer.
func (s *Store) listing(q call.Query) *dynamodb.QueryInput {
	by, value := listOf(q)
	const lowest, highest = "0", "a" // places begin with a year
	from, until := lowest, highest
	if !q.From.IsZero() {
		from = placeKey(call.Place{CreatedAt: q.From})
	}
	if !q.Until.IsZero() { // a place of that instant goes on behind it, and is not before it
		until = placeKey(call.Place{CreatedAt: q.Until})
	}
	if q.After != nil { // itself is in between, too: placesOf leaves it out
		until = min(until, placeKey(*q.After))
	}
	if from > until {
		return nil
	}
	condition := "#" + by + " = :" + by + " AND #place BETWEEN :from AND :until"
	values := item{":" + by: str(value), ":from": str(from), ":until": str(until)}
	filter := ""
	for _, f := range []struct{ name, value string }{
		{AttrOwner, q.Owner}, {AttrStatus, string(q.Status)}, {AttrOutcome, string(q.Outcome)},
	} {
		if f.value != "" && f.name != by {
			filter += " AND #" + f.name + " = :" + f.name
			values[":"+f.name] = str(f.value)
		}
	}
	in := &dynamodb.QueryInput{ // of an entry, its place is all that is read here
		TableName: &s.name, IndexName: &by, ScanIndexForward: aws.Bool(false), ProjectionExpression: aws.String(placeAlone),
		KeyConditionExpression: &condition, ExpressionAttributeNames: namesIn(placeAlone, condition, filter), ExpressionAttributeValues: values,
	}
	if filter != "" {
		in.FilterExpression = aws.String(filter[len(" AND "):])
	}
	return in
}

// placesOf are the places of a list's entries, but for the one that a page ended at.
func placesOf(entries []item, but *call.Place) (all []call.Place, err error) {
	for _, it := range entries {
		p, err := placeOfKey(text(it, AttrPlace))
		if err != nil {
			return nil, err
		}
		if but == nil || p.ID != but.ID {
			all = append(all, p)
		}
	}
	return all, nil
}

// read reads the records at these places, in their order. Those that are gone by now, or
// are not what was asked for any more, are left out, and so are those that this program
// cannot read: they say so to whoever asks for them by their id.
func (s *Store) read(ctx context.Context, places []call.Place, q call.Query) (calls []call.Call, err error) {
	records := make(map[call.ID]*call.Call, len(places))
	keys := make([]item, 0, len(places))
	for _, p := range places {
		keys = append(keys, keyOfCall(p.ID))
	}
	how := types.KeysAndAttributes{ // as the table has them: who has just deleted a call must not be shown it again
		ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(recordAlone), ExpressionAttributeNames: namesIn(recordAlone),
	}
	for len(keys) > 0 {
		n := min(len(keys), batch)
		left, err := s.readSome(ctx, "read listed calls", keys[:n], how, func(it item) {
			if c, err := decodeListed(it); err == nil {
				records[c.ID] = &c
			}
		})
		if err != nil {
			return nil, err
		}
		keys = append(keys[n:], left...)
	}
	calls = make([]call.Call, 0, len(records))
	for _, p := range places {
		if c, ok := records[p.ID]; ok && q.Matches(*c) {
			calls = append(calls, *c)
		}
	}
	return calls, nil
}

// errUnread means that DynamoDB answered for none of the keys, as it does when it throttles.
var errUnread = &types.ProvisionedThroughputExceededException{Message: some("no key of the batch was read")}

// What is asked for of an index's entry and of a record: what else a page of fifty would
// bring is a thousand attributes, each of which the SDK makes a map for, twice.
const (
	placeAlone  = "#place"
	recordAlone = "#PK, #record, #version, #schema, #ttl"
)

// readSome hands out what is stored under keys, of which there are at most batch, and
// returns those that are left to ask for. How is the rest of the question.
func (t *table) readSome(ctx context.Context, doing string, keys []item, how types.KeysAndAttributes, have func(item)) (left []item, err error) {
	how.Keys = keys
	err = t.do(ctx, doing, func(ctx context.Context) error {
		out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{t.name: how}})
		if err != nil {
			return err
		}
		for _, it := range out.Responses[t.name] {
			if it = t.alive(it); it != nil {
				have(it)
			}
		}
		left = out.UnprocessedKeys[t.name].Keys
		if len(left) == len(keys) {
			return errUnread
		}
		return nil
	})
	return left, err
}

// query is one request of a query.
func (t *table) query(ctx context.Context, doing string, in *dynamodb.QueryInput) (out *dynamodb.QueryOutput, err error) {
	err = t.do(ctx, doing, func(ctx context.Context) (err error) {
		out, err = t.client.Query(ctx, in)
		return err
	})
	return out, err
}
