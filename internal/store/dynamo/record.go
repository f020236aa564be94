package dynamo

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Attributes of our items.
const (
	attrRecord    = "record"
	attrVersion   = "version"
	attrWriter    = "writer"
	attrSchema    = "schema"
	attrUpdatedAt = "updatedAt"
	attrLive      = "live"

	attrCallID   = "callId"
	attrBodyHash = "bodyHash"
	attrExpires  = "expires"
	// attrKey is the partition key of the idempotency key that placed the call.
	attrKey = "key"
)

// record is a call's item, read.
type record struct {
	call call.Call
	// raw is the record's JSON as stored: what a newer program wrote is in it, unless all of
	// it is in call.
	raw []byte
	all bool
	// writer names the write that made this version.
	writer string
	// live says that the call is in the set of those with a place among the live ones.
	live bool
	// mortal says that it is forgotten at a time that DynamoDB keeps late.
	mortal bool
}

// decodeRecord reads a call's item. Attributes that this program does not know are nothing to it.
func decodeRecord(it item) (record, error) {
	r := record{raw: []byte(text(it, attrRecord)), writer: text(it, attrWriter), mortal: it[AttrTTL] != nil}
	_, r.live = number(it, attrLive)
	if err := readable(it); err != nil {
		return record{}, err
	}
	var err error
	if r.call, r.all, err = call.DecodeAll(r.raw); err != nil {
		return record{}, err
	}
	return r, agrees(it, r.call)
}

// decodeListed reads a call's item for who will not write it, at less cost, in which
// nothing need be kept.
func decodeListed(it item) (call.Call, error) {
	if err := readable(it); err != nil {
		return call.Call{}, err
	}
	c, err := call.DecodeRecord([]byte(text(it, attrRecord)))
	if err != nil {
		return call.Call{}, err
	}
	return c, agrees(it, c)
}

// readable refuses an item whose layout is a newer one.
func readable(it item) error {
	if schema, ok := number(it, attrSchema); ok && schema > call.SchemaVersion {
		return fmt.Errorf("its schema is %d and this program knows %d; start the newer call agent that wrote it", schema, call.SchemaVersion)
	}
	return nil
}

// agrees refuses an item whose record is another call's, or of another version.
func agrees(it item, c call.Call) error {
	if id := callOfKey(it); c.ID != id || id == "" {
		return fmt.Errorf("it is the record of call %q under the key of %q; restore the item from a backup", c.ID, id)
	}
	if version, _ := number(it, attrVersion); version != c.Version {
		return fmt.Errorf("its version is %d and its record's %d; restore the item from a backup", version, c.Version)
	}
	return nil
}

// recordOf is the record that these attributes make, written over was.
func recordOf(c call.Call, attributes item, was record) record {
	return record{
		call: c, raw: []byte(text(attributes, attrRecord)), all: was.all, writer: text(attributes, attrWriter),
		live: attributes[attrLive] != nil, mortal: attributes[AttrTTL] != nil,
	}
}

// unknown is what a record's next version is written over: nothing, where nothing in it is
// unknown to us.
func (r record) unknown() []byte {
	if r.all {
		return nil
	}
	return r.raw
}

// maxRecord keeps an item within DynamoDB's 400 KB: what is beside the record is less
// than the rest.
const maxRecord = 390 << 10

// attributesOf are the attributes of a record's next version, written over raw (nil:
// there is none). Those of the due index and ttl are absent where nothing is due, or
// where the call stays.
func (s *Store) attributesOf(c call.Call, raw []byte) (item, error) {
	raw, err := call.EncodeRecord(c, raw)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxRecord {
		return nil, &call.Error{Code: call.TooLarge, CallID: c.ID, Message: fmt.Sprintf(
			"The record of call %s would have %d KB, and the call table holds %d. Nothing was written; shorten the request's texts and metadata.", c.ID, len(raw)>>10, maxRecord>>10)}
	}
	it := item{
		attrRecord: str(string(raw)), attrVersion: num(c.Version), attrWriter: str(rand.Text()), attrSchema: num(c.Schema),
		AttrStatus: str(string(c.Status)), AttrOutcome: str(string(c.Outcome)), attrUpdatedAt: instant(c.UpdatedAt),
		AttrList: str(allCalls), AttrOwner: str(c.Owner), AttrCallee: str(hash(c.Request.To)), AttrPlace: str(placeKey(c.Place())),
	}
	if c.Due != nil {
		it[AttrDuePK], it[AttrDueAt] = str(dueShardOf(c.ID)), instant(*c.Due)
	}
	if at := s.expiry(c); at != nil {
		it[AttrTTL] = epoch(*at)
	}
	return it, nil
}

// expiry is when a call may be forgotten: so long after its end, and never while
// something must still be done about it.
func (s *Store) expiry(c call.Call) *time.Time {
	if s.retention <= 0 || c.CompletedAt == nil || c.Due != nil {
		return nil
	}
	at := c.CompletedAt.Add(s.retention)
	return &at
}
