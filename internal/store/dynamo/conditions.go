package dynamo

import (
	"maps"
	"strings"
)

// The conditions under which something is written. Every one guards a sentence of the
// contract that call.Store is; a write whose condition does not hold changes nothing. In
// all expressions, #name stands for the attribute of that name, since many are reserved
// words.
const (
	// ifNew: a call id is given once.
	ifNew = "attribute_not_exists(#PK)"
	// ifVersion: the record is still as it was read: this version, by this writer. All that
	// follows from a record is written in a transaction with this condition, and so happens
	// once per version: a place is given back, a number released, an outbox item put.
	ifVersion = "#version = :version AND #writer = :was"
	// ifKeyFree: an idempotency key places one call for as long as it is kept. What DynamoDB
	// has not deleted yet does not count.
	ifKeyFree = "attribute_not_exists(#PK) OR #expires <= :now"
	// ifKeyLeft: as ifKeyFree, or the call of the key is known to be gone.
	ifKeyLeft = ifKeyFree + " OR #callId = :left"
	// ifNumberFree: one call at a time holds a number.
	ifNumberFree = "attribute_not_exists(#PK)"
	// ifNumberLeft: as ifNumberFree, or the holder is known to be final, or gone.
	ifNumberLeft = ifNumberFree + " OR #callId = :left"
	// ifOurs: a number is released only by the call that holds it, and a provider's call id
	// is bound to the first call that claims it, for good. To do either twice is nothing.
	ifOurs = "attribute_not_exists(#PK) OR #callId = :callId"
	// ifBelow: a day's count is below its limit. Counts are never given back, so that the
	// limits hold whatever fails.
	ifBelow = "attribute_not_exists(#count) OR #count < :limit"
	// ifPlace: a place among the live attempts is free, or the call has one already.
	ifPlace = "attribute_not_exists(#calls) OR size(#calls) < :limit OR contains(#calls, :callId)"
	// ifNotNewer: a media host's late report does not cover a newer one.
	ifNotNewer = "attribute_not_exists(#PK) OR #at <= :at"
)

// What is written under them. The parts of a record's update are put together, since
// what is due, kept or held differs from write to write.
const (
	setRecord = "SET #record = :record, #schema = :schema, #version = :next, #writer = :writer, " +
		"#status = :status, #outcome = :outcome, #updatedAt = :updatedAt, " +
		"#list = :list, #owner = :owner, #callee = :callee, #place = :place" // of calls that an older program placed, too
	setDue    = ", #duePK = :duePK, #dueAt = :dueAt"
	setTTL    = ", #ttl = :ttl"
	setLive   = ", #live = :live"
	removeDue = "#duePK, #dueAt"

	countOne  = "ADD #count :one SET #ttl = :ttl"
	takePlace = "ADD #calls :place"
	givePlace = "DELETE #calls :place"

	// dueUntil is the key condition of a due shard's query.
	dueUntil = "#duePK = :duePK AND #dueAt <= :until"
)

// namesIn are the attribute names that expressions use; DynamoDB refuses a name too many.
func namesIn(expressions ...string) map[string]string {
	names := map[string]string{}
	for _, e := range expressions {
		for _, after, found := strings.Cut(e, "#"); found; _, after, found = strings.Cut(after, "#") {
			name := after
			if end := strings.IndexFunc(after, notInName); end >= 0 {
				name = after[:end]
			}
			names["#"+name] = name
		}
	}
	return names
}

// notInName ends an attribute's name; ours are letters.
func notInName(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// with is an item and more attributes: a key and what is stored under it.
func with(it, more item) item {
	all := make(item, len(it)+len(more))
	maps.Copy(all, it)
	maps.Copy(all, more)
	return all
}
