package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// part says what an action of a write is about.
type part int

const (
	partKey part = iota
	partRecord
	partNumber
	partCalls
	partAttempts
	partLive
	partProvider
	partOutbox
	// partGone is a record that is deleted.
	partGone
)

// action is one item of a write.
type action struct {
	part part
	key  item
	// set is what is put whole; otherwise update is carried out, or, where that is empty
	// too, the item deleted.
	set               item
	update, condition string
	values            item
}

// refusal is why nothing was written: the first action whose condition did not hold, in
// the order in which they were given, and the item that stands in its way.
type refusal struct {
	part part
	key  item
	held item
}

// commit carries out all of the actions, or none and says why. A commit whose answer was
// lost is not taken for somebody else's: DynamoDB knows a transaction again by its token,
// for ten minutes, and the record tells by the writer's name. Where somebody wrote over the
// record meanwhile it does not tell, and our write is called stale: who reads again finds
// that what happened has happened, and changes nothing.
func (t *table) commit(ctx context.Context, doing string, actions []action) (*refusal, error) {
	once := t.transaction(actions)
	if len(actions) == 1 && actions[0].update != "" {
		once = t.single(actions[0])
	}
	err := t.do(ctx, doing, once)
	if err == nil {
		return nil, nil
	}
	for i, reason := range reasonsOf(err) {
		if aws.ToString(reason.Code) != reasonCondition || i >= len(actions) {
			continue
		}
		no := &refusal{part: actions[i].part, key: actions[i].key, held: reason.Item}
		if no.held == nil && no.part <= partNumber { // some emulators do not say
			if no.held, err = t.getAny(ctx, doing, no.key); err != nil {
				return nil, err
			}
		}
		if ours(actions, no.held) {
			return nil, nil
		}
		return no, nil
	}
	return nil, err
}

// ours says whether the item that stands in the way is the record that these actions
// write: they were carried out, and the answer was lost.
func ours(actions []action, held item) bool {
	for _, a := range actions {
		if a.part != partRecord {
			continue
		}
		writer := text(a.values, ":"+attrWriter)
		if a.set != nil {
			writer = text(a.set, attrWriter)
		}
		return writer != "" && text(held, attrWriter) == writer
	}
	return false
}

// reasonsOf are the reasons for which a transaction was cancelled, one for each action;
// a single write's condition is as a transaction of one.
func reasonsOf(err error) []types.CancellationReason {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) && !canceledForNow(canceled) {
		return canceled.CancellationReasons
	}
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return []types.CancellationReason{{Code: aws.String(reasonCondition), Item: failed.Item}}
	}
	return nil
}

// transaction is one try of the actions together. The token stays as long as the answer is
// open; a transaction that was cancelled is over, and its next try another one.
func (t *table) transaction(actions []action) func(context.Context) error {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(rand.Text())}
	for _, a := range actions {
		in.TransactItems = append(in.TransactItems, t.write(a))
	}
	return func(ctx context.Context) error {
		_, err := t.client.TransactWriteItems(ctx, in)
		var canceled *types.TransactionCanceledException
		if errors.As(err, &canceled) {
			again := *in
			again.ClientRequestToken = aws.String(rand.Text())
			in = &again
			return fmt.Errorf("%w%s", err, words(canceled))
		}
		return err
	}
}

// words are what DynamoDB says about the reasons that are not conditions.
func words(e *types.TransactionCanceledException) string {
	said := ""
	for i, r := range e.CancellationReasons {
		if code := aws.ToString(r.Code); code != reasonNone && code != reasonCondition {
			said += fmt.Sprintf("; item %d: %s %s", i, code, aws.ToString(r.Message))
		}
	}
	return said
}

// write is an action as an item of a transaction.
func (t *table) write(a action) types.TransactWriteItem {
	condition := some(a.condition)
	names := namesIn(a.update, a.condition)
	if len(names) == 0 {
		names = nil
	}
	const old = types.ReturnValuesOnConditionCheckFailureAllOld
	switch {
	case a.set != nil:
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &t.name, Item: with(a.key, a.set), ConditionExpression: condition,
			ExpressionAttributeNames: names, ExpressionAttributeValues: a.values, ReturnValuesOnConditionCheckFailure: old,
		}}
	case a.update != "":
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &t.name, Key: a.key, UpdateExpression: &a.update, ConditionExpression: condition,
			ExpressionAttributeNames: names, ExpressionAttributeValues: a.values, ReturnValuesOnConditionCheckFailure: old,
		}}
	default:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.name, Key: a.key, ConditionExpression: condition,
			ExpressionAttributeNames: names, ExpressionAttributeValues: a.values, ReturnValuesOnConditionCheckFailure: old,
		}}
	}
}

// single is one try of an update alone, at half of a transaction's price. It has no
// token; the writer's name in the record tells that it was carried out before.
func (t *table) single(a action) func(context.Context) error {
	u := t.write(a).Update
	in := &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: u.ReturnValuesOnConditionCheckFailure,
	}
	return func(ctx context.Context) error {
		_, err := t.client.UpdateItem(ctx, in)
		return err
	}
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
