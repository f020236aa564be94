package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
)

// Sort keys, and the parts of which partition keys are made.
const (
	skRecord, skProvider, skKey, skOnly = "META", "REF", "REQ", "-"

	// OutboxPrefix begins the sort key of the items that wake the notify function; the
	// stream's filter in template.yaml names it.
	OutboxPrefix = "OUT#"

	// CallPrefix begins the partition key of everything of a call; the id follows.
	CallPrefix = "CALL#"
)

func key(pk, sk string) item {
	return item{AttrPK: str(pk), AttrSK: str(sk)}
}

// keyOfPing is where nothing ever is; a call's items are what every function may read.
var keyOfPing = key(CallPrefix+"-", "PING")

func keyOfCall(id call.ID) item { return key(CallPrefix+string(id), skRecord) }

func keyOfOutbox(id call.ID, o call.Outcome) item {
	return key(CallPrefix+string(id), OutboxPrefix+string(o))
}

func keyOfProvider(providerCallID string) item { return key("SID#"+providerCallID, skProvider) }

// keyOfKey ties an idempotency key to its token (contract section 1: keys are per token).
// The hash holds no '#', so that the last one ends the token.
func keyOfKey(k call.IdempotencyKey) item {
	return key("IDEM#"+k.Token+"#"+hash(k.Key), skKey)
}

func keyOfNumber(e164 string) item { return key("LOCK#"+hash(e164), skOnly) }

func keyOfCalls(day string) item { return key("QUOTA#calls#"+day, skOnly) }

func keyOfAttempts(e164, day string) item { return key("QUOTA#number#"+hash(e164)+"#"+day, skOnly) }

var keyOfLive = key("QUOTA#live", skOnly)

const hostPrefix = "HOST#"

func keyOfHost(url string) item { return key(hostPrefix+url, skOnly) }

// hostOfKey is the URL of the host whose report has this partition key.
func hostOfKey(it item) (url string, ok bool) {
	return strings.CutPrefix(text(it, AttrPK), hostPrefix)
}

// callOfKey is the call whose record, or other item, has this partition key.
func callOfKey(it item) call.ID {
	id, ok := strings.CutPrefix(text(it, AttrPK), CallPrefix)
	if !ok {
		return ""
	}
	return call.ID(id)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// dueShards spreads the due index over partitions, each of which takes 1,000 writes a
// second; a reader asks all of them. Programs that run beside each other must agree on it.
const dueShards = 4

func dueShard(n uint32) string { return "DUE#" + strconv.FormatUint(uint64(n), 10) }

func dueShardOf(id call.ID) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails
	return dueShard(h.Sum32() % dueShards)
}

// sortable writes instants so that their order as text is their order in time, which is
// all that DynamoDB compares: UTC, nine decimals always, unlike time.RFC3339Nano. It
// holds for the years that JSON can write (0 to 9999), and records are JSON.
const sortable = "2006-01-02T15:04:05.000000000Z"

func instant(t time.Time) *types.AttributeValueMemberS { return str(t.UTC().Format(sortable)) }

// epoch is a TTL, not before t.
func epoch(t time.Time) *types.AttributeValueMemberN {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return num(s)
}

func str(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func num[T int | int64](n T) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

// text is a string attribute; empty where there is none, or one of another type.
func text(it item, name string) string {
	s, ok := it[name].(*types.AttributeValueMemberS)
	if !ok || s == nil {
		return ""
	}
	return s.Value
}

// number is a whole number's attribute; ok is false where there is none.
func number(it item, name string) (n int64, ok bool) {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok || v == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	return n, err == nil
}
