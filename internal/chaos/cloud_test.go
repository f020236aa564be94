package chaos

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// cloud is the program as functions over a table: every invocation is a run of its own,
// schedules wake calls, a sweep runs every minute, and the table's stream tells owners.
type cloud struct {
	// endpoint and table are of DynamoDB Local; without them the store is one in memory, which
	// keeps the same promises (calltest runs the stores' contract suite too).
	endpoint, table string
	// unscheduled: every schedule is lost.
	unscheduled bool
}

// options are of the table. A connection that waited for the next request would stop the
// bubble's clock, so each request has its own.
func (c *cloud) options(ctx context.Context, t testing.TB) dynamo.Options {
	client := dynamo.NewClient(dynamo.ClientOptions{
		Region: "eu-central-1", Endpoint: c.endpoint, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "chaos", SecretAccessKey: "chaos"}, nil
		}),
	})
	if _, err := client.CreateTable(ctx, dynamo.Table(c.table)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &c.table}); err != nil {
			t.Error(err)
		}
	})
	return dynamo.Options{Client: client, Table: c.table, Retention: 30 * 24 * time.Hour, CallTimeout: 30 * time.Second, Patience: 2 * time.Minute}
}

func (c *cloud) start(ctx context.Context, p *process, shaky shaky) {
	outbox := func(id call.ID) {
		p.done.Go(func() { p.repeatedly(ctx, func(ctx context.Context) error { return p.service.Deliver(ctx, id) }) })
	}
	if c.endpoint == "" {
		memory := calltest.NewStore(time.Now)
		p.store, p.service.Store = memory, storeOf{&streaming{Store: memory, outbox: outbox, told: map[call.ID]bool{}}, shaky}
	} else {
		o := c.options(ctx, p.w)
		p.store = dynamo.New(o)
		o.Client = &clientOf{Client: o.Client, shaky: shaky, outbox: outbox}
		p.service.Store = dynamo.New(o)
	}
	p.service.Scheduler = &schedules{ctx: ctx, p: p, shaky: shaky, lost: c.unscheduled, names: map[string]bool{}}
	p.done.Go(func() {
		for tick := time.NewTicker(call.SweepEvery); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				in, _ := p.begin(ctx)
				_ = p.service.Sweep(in)
			}
		}
	})
}

// repeatedly invokes a function as an event source does: again where it fails.
func (p *process) repeatedly(ctx context.Context, invoke func(context.Context) error) {
	for range 3 {
		in, run := p.begin(ctx)
		if err := invoke(in); err == nil && !run.dead.Load() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Minute):
		}
	}
}

// schedules are one-time schedules, of which those of one attempt and time are one.
type schedules struct {
	shaky
	ctx  context.Context
	p    *process
	lost bool

	mu    sync.Mutex
	names map[string]bool
}

// Wake implements call.Scheduler.
func (s *schedules) Wake(ctx context.Context, id call.ID, attempt int, at time.Time) error {
	if attempt == 0 {
		return nil // the sweep is as early
	}
	return s.do(ctx, "make a schedule", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if name := at.String(); s.lost || s.names[name] {
			return nil
		} else {
			s.names[name] = true
		}
		s.p.done.Go(func() {
			select {
			case <-s.ctx.Done():
			case <-time.After(time.Until(at)):
				s.p.repeatedly(s.ctx, func(ctx context.Context) error { return s.p.service.Attend(ctx, id) })
			}
		})
		return nil
	})
}

// clientOf is DynamoDB behind a shaky way: what is killed is killed between any two of
// its requests that write.
type clientOf struct {
	dynamo.Client
	shaky
	outbox func(call.ID)
}

func (c *clientOf) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (out *dynamodb.PutItemOutput, err error) {
	err = c.do(ctx, "put", func() (err error) { out, err = c.Client.PutItem(ctx, in, o...); return err })
	return out, err
}

func (c *clientOf) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (out *dynamodb.UpdateItemOutput, err error) {
	err = c.do(ctx, "update", func() (err error) { out, err = c.Client.UpdateItem(ctx, in, o...); return err })
	return out, err
}

func (c *clientOf) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (out *dynamodb.TransactWriteItemsOutput, err error) {
	err = c.do(ctx, "transact", func() (err error) {
		if out, err = c.Client.TransactWriteItems(ctx, in, o...); err == nil {
			c.streams(in)
		}
		return err
	})
	return out, err
}

// streams hands on what the stream's filter lets through: new items of the outbox.
func (c *clientOf) streams(in *dynamodb.TransactWriteItemsInput) {
	for _, w := range in.TransactItems {
		if w.Put == nil {
			continue
		}
		pk, _ := w.Put.Item[dynamo.AttrPK].(*types.AttributeValueMemberS)
		sk, _ := w.Put.Item[dynamo.AttrSK].(*types.AttributeValueMemberS)
		if pk != nil && sk != nil && strings.HasPrefix(sk.Value, dynamo.OutboxPrefix) {
			c.outbox(call.ID(strings.TrimPrefix(pk.Value, dynamo.CallPrefix)))
		}
	}
}

// streaming is a store in memory with a stream of what enters its outbox.
type streaming struct {
	call.Store
	outbox func(call.ID)
	mu     sync.Mutex
	told   map[call.ID]bool
}

func (s *streaming) Update(ctx context.Context, c call.Call) error {
	err := s.Store.Update(ctx, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && c.Notice != nil && !s.told[c.ID] {
		s.told[c.ID] = true
		s.outbox(c.ID)
	}
	return err
}
