package local

import (
	"bytes"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// countKeep is how many past days of counts are kept; they serve nobody but a reader
// of the file, and days of different zones overlap.
const countKeep = 2

// A count's key is its day, and what is counted: calls, or the attempts of a number.
const daySeparator = "/"

func callsKey(day string) []byte { return []byte(day + daySeparator + "calls") }

// countCall counts a call on its day. An error undoes the whole write.
func countCall(tx *bbolt.Tx, q call.Quota) error {
	if err := forgetCounts(tx, q.Day); err != nil {
		return err
	}
	return count(tx, callsKey(q.Day), q.Calls, call.QuotaCalls)
}

// countClaim counts an attempt on its number's day, and takes its place among the live.
func countClaim(tx *bbolt.Tx, c call.Call, q call.Quota) error {
	if err := count(tx, []byte(q.Day+daySeparator+c.Request.To), q.Attempts, call.QuotaAttempts); err != nil {
		return err
	}
	live, n := tx.Bucket(bucketLive), 0
	cur := live.Cursor()
	for k, _ := cur.First(); k != nil && q.Live > 0; k, _ = cur.Next() {
		if n++; n >= q.Live {
			return &call.QuotaError{Kind: call.QuotaLive}
		}
	}
	if err := live.Put([]byte(c.ID), []byte{}); err != nil {
		return fmt.Errorf("take a live attempt's place: %w", err)
	}
	return nil
}

func releaseLive(tx *bbolt.Tx, id call.ID) error {
	if err := tx.Bucket(bucketLive).Delete([]byte(id)); err != nil {
		return fmt.Errorf("give a live attempt's place back: %w", err)
	}
	return nil
}

// count adds one under key, unless limit (0: none) is reached. A count that cannot be
// read is an error: the limits fail closed.
func count(tx *bbolt.Tx, key []byte, limit int, kind call.QuotaKind) error {
	b, n := tx.Bucket(bucketCounts), 0
	if raw := b.Get(key); raw != nil {
		var err error
		if n, err = strconv.Atoi(string(raw)); err != nil {
			day, _, _ := bytes.Cut(key, []byte(daySeparator)) // the rest may be a number, and a damaged value anything
			return fmt.Errorf("a count of %s is damaged; restore the file from a backup", day)
		}
	}
	if limit > 0 && n >= limit {
		return &call.QuotaError{Kind: kind}
	}
	if err := b.Put(key, strconv.AppendInt(nil, int64(n+1), 10)); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	return nil
}

// forgetCounts drops the counts of all days before the last few, when a day begins.
func forgetCounts(tx *bbolt.Tx, day string) error {
	b := tx.Bucket(bucketCounts)
	if b.Get(callsKey(day)) != nil {
		return nil
	}
	var days [][]byte // the days counted, the newest first
	cur := b.Cursor()
	for k, _ := cur.Last(); k != nil; k, _ = cur.Prev() {
		d, _, _ := bytes.Cut(k, []byte(daySeparator))
		if len(days) == 0 || !bytes.Equal(days[len(days)-1], d) {
			days = append(days, bytes.Clone(d))
		}
		if len(days) <= countKeep {
			continue
		}
		if err := b.Delete(bytes.Clone(k)); err != nil {
			return fmt.Errorf("forget old counts: %w", err)
		}
	}
	return nil
}
