package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// table is how store and hosts reach their table.
type table struct {
	client            Client
	name              string
	now               func() time.Time
	timeout, patience time.Duration
}

const (
	defaultCallTimeout = 2 * time.Second
	defaultPatience    = 5 * time.Second
)

func newTable(o Options) table {
	t := table{client: o.Client, name: o.Table, now: o.Now, timeout: o.CallTimeout, patience: o.Patience}
	if t.now == nil {
		t.now = time.Now
	}
	if t.timeout <= 0 {
		t.timeout = defaultCallTimeout
	}
	if t.patience <= 0 {
		t.patience = defaultPatience
	}
	return t
}

// get reads an item as it is now, or nil where there is none, or one that is past its time.
func (t *table) get(ctx context.Context, doing string, key item) (item, error) {
	it, err := t.getAny(ctx, doing, key)
	return t.alive(it), err
}

// getAny is get for who judges by himself whether an item is past its time.
func (t *table) getAny(ctx context.Context, doing string, key item) (item, error) {
	var out *dynamodb.GetItemOutput
	err := t.do(ctx, doing, func(ctx context.Context) (err error) {
		out, err = t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key, ConsistentRead: aws.Bool(true)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// alive is the item, or nil where its time is over: DynamoDB deletes such items late, by
// days (research/aws section 3), and until then every read must not see them.
func (t *table) alive(it item) item {
	if ttl, ok := number(it, AttrTTL); len(it) == 0 || (ok && ttl <= t.now().Unix()) {
		return nil
	}
	return it
}

// Names of the table's own attributes and of its indexes; template.yaml has them too.
const (
	// AttrPK and AttrSK are the table's key.
	AttrPK = "PK"
	AttrSK = "SK"
	// AttrDuePK and AttrDueAt are the due index's; only calls that are due have them.
	AttrDuePK = "duePK"
	AttrDueAt = "dueAt"
	// AttrTTL holds epoch seconds.
	AttrTTL = "ttl"
	// IndexDue is the sparse index of the calls that are due.
	IndexDue = "due"

	// AttrPlace orders the lists of calls: creation and id. Records alone have it.
	AttrPlace = "place"
	// AttrList to AttrCallee are what the lists are of: all, or those with one value.
	AttrList    = "list"
	AttrOwner   = "owner"
	AttrStatus  = "status"
	AttrOutcome = "outcome"
	// AttrCallee is the hash of the callee's number.
	AttrCallee = "callee"
)

// Lists are the indexes of lists, each named after the attribute that it is by.
func Lists() []string { return []string{AttrList, AttrOwner, AttrStatus, AttrOutcome, AttrCallee} }

// listed are the attributes that a list holds beside the keys, so that what is asked for
// beside its own value is sorted out by DynamoDB.
var listed = []string{AttrOwner, AttrStatus, AttrOutcome, AttrCallee}

// Table is the definition of the table, as template.yaml has it but for what only AWS
// has (backups, protection from deletion, encryption). TTL is set afterwards, see [CreateTable].
func Table(name string) *dynamodb.CreateTableInput {
	schema := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange}}
	}
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema: schema(AttrPK, AttrSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(IndexDue), KeySchema: schema(AttrDuePK, AttrDueAt),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
	}
	for _, a := range append([]string{AttrPK, AttrSK, AttrDuePK, AttrDueAt, AttrPlace}, Lists()...) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &a, AttributeType: types.ScalarAttributeTypeS})
	}
	for _, by := range Lists() {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &by, KeySchema: schema(by, AttrPlace),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: besides(by)},
		})
	}
	return in
}

// besides are the listed attributes but the list's own, which is a key.
func besides(by string) (more []string) {
	for _, a := range listed {
		if a != by {
			more = append(more, a)
		}
	}
	return more
}

// createLimit is how long a new table may take to be there; on AWS half a minute is usual.
const createLimit = 2 * time.Minute

// CreateTable makes the table on an emulator and waits for it; on AWS template.yaml does.
// A table that is there already is left as it is.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	var exists *types.ResourceInUseException
	if _, err := client.CreateTable(ctx, Table(name)); errors.As(err, &exists) {
		return nil
	} else if err != nil {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	err := dynamodb.NewTableExistsWaiter(client).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, createLimit)
	if err != nil {
		return fmt.Errorf("wait for table %s: %w", name, err)
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(AttrTTL), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("set the TTL of table %s: %w", name, err)
	}
	return nil
}
