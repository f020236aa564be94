package local

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// A list's keys begin with what they list, and go on with the place of a call in it, so
// that their order is the order of creation.
func listOf(i call.Index, under string) []byte {
	return append(strconv.AppendInt(nil, int64(i), 10), "\x00"+under+"\x00"...)
}

// in is a place's key in a list.
func in(list []byte, p call.Place) []byte {
	return append(bytes.Clone(list), timeKey(p.CreatedAt, []byte(p.ID))...)
}

// list makes every list follow a record from what was stored (nil: nothing) to what now
// is (nil: nothing any more).
func list(tx *bbolt.Tx, was, is *call.Call) error {
	b := tx.Bucket(bucketLists)
	for _, i := range call.Indexes() {
		var before, after []byte
		if was != nil {
			before = in(listOf(i, i.Under(*was)), was.Place())
		}
		if is != nil {
			after = in(listOf(i, i.Under(*is)), is.Place())
		}
		if bytes.Equal(before, after) {
			continue
		}
		if before != nil {
			if err := b.Delete(before); err != nil {
				return fmt.Errorf("clear list: %w", err)
			}
		}
		if after != nil {
			if err := b.Put(after, []byte{}); err != nil {
				return fmt.Errorf("write list: %w", err)
			}
		}
	}
	return nil
}

// listAll makes the lists of a file that a program without them wrote. The keys are put in
// their order: bbolt splits what was put only at the end, so that each put in another
// order would move many.
func listAll(tx *bbolt.Tx) error {
	if tx.Bucket(bucketLists) != nil {
		return nil
	}
	b, err := tx.CreateBucket(bucketLists)
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", bucketLists, err)
	}
	var keys [][]byte
	err = tx.Bucket(bucketCalls).ForEach(func(_, raw []byte) error {
		c, err := call.DecodeRecord(raw)
		if err != nil {
			return nil //nolint:nilerr // one record that this program cannot read must not keep all others from it
		}
		for _, i := range call.Indexes() {
			keys = append(keys, in(listOf(i, i.Under(c)), c.Place()))
		}
		return nil
	})
	slices.SortFunc(keys, bytes.Compare)
	for _, key := range keys {
		if err == nil {
			err = b.Put(key, []byte{})
		}
	}
	if err != nil {
		return fmt.Errorf("write lists: %w", err)
	}
	return nil
}

// List implements call.Store, as of this moment.
func (s *Store) List(ctx context.Context, q call.Query) (call.Page, error) {
	var p call.Page
	err := s.view(ctx, "list calls", func(tx *bbolt.Tx) (err error) {
		p, err = page(tx, q)
		return err
	})
	return p, err
}

// page walks a list backwards from where the query begins. A record that this program
// cannot read is left out, and says so to whoever asks for it by its id.
func page(tx *bbolt.Tx, q call.Query) (p call.Page, err error) {
	all := listOf(q.Best())
	from, until := bounds(all, q)
	cur := tx.Bucket(bucketLists).Cursor()
	key := before(cur, until)
	var at call.Place
	for reads := 0; bytes.HasPrefix(key, all) && bytes.Compare(key, from) >= 0; reads++ {
		if reads == call.ListReads || len(p.Calls) == q.Limit {
			p.Next = &at
			return p, nil
		}
		if at, err = placeOf(key[len(all):]); err != nil {
			return call.Page{}, err
		}
		if c, err := load(tx, at.ID); err == nil && q.Matches(c) {
			p.Calls = append(p.Calls, c)
		}
		key, _ = cur.Prev()
	}
	return p, nil
}

// placeOf reads a place from its key in a list.
func placeOf(key []byte) (call.Place, error) {
	at, err := time.Parse(sortable, string(key[:min(len(key), len(sortable))]))
	if err != nil {
		return call.Place{}, fmt.Errorf("a list is damaged (restore the file from a backup): %w", err)
	}
	return call.Place{CreatedAt: at, ID: call.ID(key[len(sortable):])}, nil
}

// bounds are the least key that is asked for, and the one behind the greatest.
func bounds(all []byte, q call.Query) (from, until []byte) {
	from, until = all, append(bytes.Clone(all), 0xff)
	if !q.From.IsZero() {
		from = append(bytes.Clone(all), timeKey(q.From, nil)...)
	}
	if !q.Until.IsZero() {
		until = append(bytes.Clone(all), timeKey(q.Until, nil)...)
	}
	if q.After != nil {
		if after := in(all, *q.After); bytes.Compare(after, until) < 0 {
			until = after
		}
	}
	return from, until
}

// before is the greatest key below that one.
func before(cur *bbolt.Cursor, key []byte) []byte {
	if at, _ := cur.Seek(key); at == nil {
		at, _ = cur.Last()
		return at
	}
	at, _ := cur.Prev()
	return at
}
