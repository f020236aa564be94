// Package dynamo keeps call records in one DynamoDB table: the call store that the
// functions and the media hosts share.
//
// It owns the table's layout (the keys below), every condition under which something is
// written, and which writes belong together; it also holds what media hosts report of
// themselves ([Hosts]). It never decides what may happen to a call (that is
// [call.Rules.Next]), never scans, and starts no goroutine.
//
//	PK                              SK             what it is
//	CALL#<call id>                  META           the record
//	CALL#<call id>                  OUT#<outcome>  wakes the notify function; record and due index remain the truth
//	SID#<provider call id>          REF            which call a provider's call id belongs to
//	IDEM#<token>#<hash of key>      REQ            which call an idempotency key placed
//	LOCK#<hash of number>           -              which call holds a number, until it is final
//	QUOTA#calls#<day>               -              calls placed on a day
//	QUOTA#number#<hash>#<day>       -              attempts claimed for a number on a day
//	QUOTA#live                      -              the calls that hold a place among the live ones
//	HOST#<wss base>                 -              a media host's report
//
// The record is one attribute, a string of JSON, and not a map of native attributes. A
// string is exact: call.EncodeRecord keeps what a newer program wrote at any depth, byte
// for byte, which numbers of DynamoDB (2.50 becomes 2.5), its sets and its empty values
// do not. Beside it stand, as native attributes, those that a condition, an index or an
// operator's query needs: version, writer, schema, status, outcome, updatedAt, live,
// duePK, dueAt, ttl, key, and those that lists are made of: list, owner, callee (a hash)
// and place. A write names the attributes it sets and leaves all others alone.
//
// Numbers and idempotency keys stand in keys as hashes only, since keys reach places
// that values do not: access logs, metrics of hot keys. A hash of a phone number can be
// guessed by whoever tries all numbers; it is a veil, not a lock.
//
// Places among the live attempts are a set of call ids and not a number: taking a place
// twice, or giving it back twice, changes nothing, so that the count cannot drift, and an
// operator sees whose they are. The record says (live) that its call is in the set, and
// both change in one transaction.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
)

// Store is a call.Store in a table. Any number of processes may hold one at the same
// time; all methods may be called concurrently.
type Store struct {
	table
	retention time.Duration
	memory    memory
}

var _ call.Store = (*Store)(nil)

// Options of New and NewHosts.
type Options struct {
	// Client and Table are required.
	Client Client
	Table  string
	// Now is the clock that TTL is counted by; nil means time.Now.
	Now func() time.Time
	// Retention is how long after its end a call is kept; 0 keeps it for good. DynamoDB
	// deletes late, by days: what is past its time is not found from that time on.
	Retention time.Duration
	// CallTimeout bounds one request to DynamoDB, 0 means 2 s: a function must fail before
	// a provider stops waiting. Patience bounds an operation with its repeats where the
	// caller's context does not; 0 means 5 s.
	CallTimeout, Patience time.Duration
}

// New makes a store over a table; it asks nothing of it ([Store.Ping] does).
func New(o Options) *Store {
	return &Store{table: newTable(o), retention: o.Retention}
}

// Ping implements call.Store: it reads an item that is not there, with the permission
// that every read needs. Asked once before the first request, it warms the connection.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.get(ctx, "read call table", keyOfPing)
	return err
}

// Get implements call.Store.
func (s *Store) Get(ctx context.Context, id call.ID) (call.Call, error) {
	stored, err := s.load(ctx, "read call", id)
	return stored.call, err
}

// load reads a record as it is now.
func (s *Store) load(ctx context.Context, doing string, id call.ID) (record, error) {
	it, err := s.get(ctx, doing, keyOfCall(id))
	if err != nil {
		return record{}, err
	}
	if it == nil {
		return record{}, fmt.Errorf("%s: %w", doing, call.ErrNotFound)
	}
	r, err := decodeRecord(it)
	if err != nil {
		return record{}, fmt.Errorf("%s %s: %w", doing, id, err)
	}
	s.memory.keep(r)
	return r, nil
}

// ByProviderCall implements call.Store.
func (s *Store) ByProviderCall(ctx context.Context, providerCallID string) (call.ID, error) {
	const doing = "find provider call"
	if providerCallID == "" {
		return "", fmt.Errorf("%s: %w", doing, errors.Join(ctx.Err(), call.ErrNotFound))
	}
	it, err := s.get(ctx, doing, keyOfProvider(providerCallID))
	if err != nil {
		return "", err
	}
	id := call.ID(text(it, attrCallID))
	if id == "" {
		return "", fmt.Errorf("%s: %w", doing, call.ErrNotFound)
	}
	return id, nil
}

// item is an item as DynamoDB hands it out.
type item = map[string]types.AttributeValue
