package dynamo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/clawdbot/call-agent/call"
)

// dueCall is an entry of the due index.
type dueCall struct {
	at string
	id call.ID
}

// Due implements call.Store. DynamoDB keeps an index a moment behind its table: a call
// may be listed that is no longer due, and one missing that has just become due. Who
// attends to a call reads its record first, and a later sweep finds what this one missed.
func (s *Store) Due(ctx context.Context, t time.Time, limit int) ([]call.ID, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	var all []dueCall
	for shard := range uint32(dueShards) {
		due, err := s.dueIn(ctx, dueShard(shard), t, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, due...)
	}
	slices.SortFunc(all, func(a, b dueCall) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	var ids []call.ID
	for _, d := range all[:min(len(all), limit)] {
		ids = append(ids, d.id)
	}
	return ids, nil
}

// dueIn lists the first of a shard's calls that are due.
func (s *Store) dueIn(ctx context.Context, shard string, t time.Time, limit int) (due []dueCall, err error) {
	in := &dynamodb.QueryInput{
		TableName: &s.name, IndexName: aws.String(IndexDue), KeyConditionExpression: aws.String(dueUntil),
		ExpressionAttributeNames: namesIn(dueUntil), ExpressionAttributeValues: item{":duePK": str(shard), ":until": instant(t)},
	}
	for len(due) < limit {
		in.Limit = aws.Int32(int32(min(limit-len(due), 1000))) //nolint:gosec // at most 1000
		out, err := s.query(ctx, "read due index", in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			if id := callOfKey(it); id != "" {
				due = append(due, dueCall{text(it, AttrDueAt), id})
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return due, nil
}
