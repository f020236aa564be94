package lambdalocal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// streamSpec is a function's event source: the table's stream.
type streamSpec struct {
	batch   int
	retries int
	// events and prefix are the filter: event names, and how the sort key begins.
	events []string
	prefix string
}

// followEvery is how often the stream is read; Lambda reads four times a second.
const followEvery = 250 * time.Millisecond

// follow reads the table's stream and hands what passes the filter to the function.
func (r *Runner) follow(name string, s streamSpec) {
	reader := &streamReader{runner: r, name: name, spec: s, at: map[string]string{}}
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	connections := &http.Transport{}
	defer connections.CloseIdleConnections()
	client := &http.Client{Transport: connections, Timeout: 10 * time.Second}
	reader.table = dynamodb.New(dynamodb.Options{Region: region, Credentials: key, BaseEndpoint: &r.o.DynamoDB, HTTPClient: client})
	reader.streams = dynamodbstreams.New(dynamodbstreams.Options{Region: region, Credentials: key, BaseEndpoint: &r.o.DynamoDB, HTTPClient: client})
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			return
		}
		if err := reader.read(r.ctx); err != nil && r.ctx.Err() == nil {
			r.o.Log.WarnContext(r.ctx, "the table's stream cannot be read", "error", err)
		}
	}
}

// streamReader is where a function is in a table's stream.
type streamReader struct {
	runner  *Runner
	name    string
	spec    streamSpec
	table   *dynamodb.Client
	streams *dynamodbstreams.Client
	arn     *string
	at      map[string]string // iterators by shard; "" where the shard is at its end
}

func (s *streamReader) read(ctx context.Context) error {
	if s.arn == nil {
		out, err := s.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.runner.o.Table})
		if err != nil {
			return fmt.Errorf("describe the table: %w", err)
		}
		s.arn = out.Table.LatestStreamArn
	}
	out, err := s.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: s.arn})
	if err != nil {
		return fmt.Errorf("describe the stream: %w", err)
	}
	for _, shard := range out.StreamDescription.Shards {
		if err := s.readShard(ctx, *shard.ShardId); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamReader) readShard(ctx context.Context, shard string) error {
	at, known := s.at[shard]
	if !known {
		out, err := s.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: s.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			return fmt.Errorf("begin a shard: %w", err)
		}
		at = *out.ShardIterator
	}
	if at == "" {
		return nil
	}
	out, err := s.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &at})
	if err != nil {
		delete(s.at, shard) // iterators run out; records that come twice are one notice
		return fmt.Errorf("read a shard: %w", err)
	}
	s.at[shard] = aws.ToString(out.NextShardIterator)
	var batch []record
	for _, r := range out.Records {
		if e := recordOf(r); s.passes(e) {
			batch = append(batch, e)
		}
	}
	for len(batch) > 0 {
		n := min(len(batch), s.spec.batch)
		s.deliver(ctx, batch[:n])
		batch = batch[n:]
	}
	return nil
}

func (s *streamReader) passes(r record) bool {
	for _, name := range s.spec.events {
		if r.EventName == name {
			return strings.HasPrefix(r.DynamoDB.Keys["SK"]["S"], s.spec.prefix)
		}
	}
	return false
}

// record is a change as Lambda hands it over, as far as the functions read it.
type record struct {
	EventID     string `json:"eventID"`
	EventName   string `json:"eventName"`
	EventSource string `json:"eventSource"`
	DynamoDB    struct {
		Keys           map[string]map[string]string
		SequenceNumber string
	} `json:"dynamodb"`
}

func recordOf(r types.Record) record {
	e := record{EventID: aws.ToString(r.EventID), EventName: string(r.EventName), EventSource: "aws:dynamodb"}
	e.DynamoDB.SequenceNumber = aws.ToString(r.Dynamodb.SequenceNumber)
	e.DynamoDB.Keys = map[string]map[string]string{}
	for name, v := range r.Dynamodb.Keys {
		if text, ok := v.(*types.AttributeValueMemberS); ok {
			e.DynamoDB.Keys[name] = map[string]string{"S": text.Value}
		}
	}
	return e
}

// deliver hands a batch over until no record of it is left that failed (ReportBatchItemFailures).
func (s *streamReader) deliver(ctx context.Context, batch []record) {
	for try := 0; len(batch) > 0 && ctx.Err() == nil; try++ {
		event, err := json.Marshal(map[string]any{"Records": batch})
		if err != nil {
			return // cannot be: it is made of strings
		}
		out, err := s.runner.Invoke(ctx, s.name, event)
		if err == nil {
			batch = failedOf(batch, out)
		}
		if try >= s.spec.retries {
			s.runner.o.Log.ErrorContext(ctx, "records of the stream given up", "records", len(batch))
			return
		}
	}
}

// failedOf are the records from the first one that failed: the order within a shard is kept.
func failedOf(batch []record, answer []byte) []record {
	var out struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if json.Unmarshal(answer, &out) != nil {
		return batch
	}
	failed := map[string]bool{}
	for _, f := range out.Failures {
		failed[f.ID] = true
	}
	for i, r := range batch {
		if failed[r.DynamoDB.SequenceNumber] {
			return batch[i:]
		}
	}
	return nil
}
