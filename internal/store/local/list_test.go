package local

import (
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// older is a store's file as a program of layout 1 left it: without lists.
func older(t testing.TB, calls int) (path string) {
	t.Helper()
	path = file(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, calls)
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(bucketLists); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyLayout, []byte("1"))
	})
	if err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnOlderFileIsListedOnceAtOpening(t *testing.T) {
	path := older(t, 30)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.List(t.Context(), call.Query{Limit: 100})
	if err != nil || len(p.Calls) != 30 || p.Next != nil {
		t.Fatalf("%d calls, %v", len(p.Calls), err)
	}
	if !slices.IsSortedFunc(p.Calls, func(a, b call.Call) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Error("they are not in order")
	}
	storetest.Apply(t, s, p.Calls[0].ID, storetest.Ended()...)
	if q, err := s.List(t.Context(), call.Query{Status: call.Failed, Limit: 100}); err != nil || len(q.Calls) != 1 {
		t.Errorf("%d calls, %v", len(q.Calls), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := open(t, path).List(t.Context(), call.Query{Limit: 100}); err != nil || len(p.Calls) != 30 {
		t.Errorf("%d calls after the second opening, %v", len(p.Calls), err)
	}
}

// One record that cannot be read hides itself, and nothing else.
func TestARecordThatCannotBeReadHidesNoOther(t *testing.T) {
	path := older(t, 5)
	damage := func(s *bbolt.DB) error {
		return s.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketCalls).Put([]byte("call-00003"), []byte("{")) })
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil || damage(db) != nil || db.Close() != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	for range 2 {
		if p, err := s.List(t.Context(), call.Query{Limit: 100}); err != nil || len(p.Calls) != 4 {
			t.Errorf("%d calls, %v", len(p.Calls), err)
		}
		storetest.Create(t, s, storetest.NewCall("call-00003x", "+4930299999"))
		if err := s.Delete(t.Context(), "call-00003"); err == nil {
			t.Error("a record that cannot be read is deleted")
		}
		storetest.Apply(t, s, "call-00003x", storetest.Ended()...)
		if err := s.Delete(t.Context(), "call-00003x"); err != nil {
			t.Error(err)
		}
	}
}

// Whoever asks for what hardly any call is gets short pages, each for a bounded read.
func TestAPageReadsSoMuchAndNoMore(t *testing.T) {
	s := open(t, file(t))
	fill(t, s, call.ListReads+call.ListReads/2)
	q := call.Query{Owner: "tests", Outcome: call.Booked, Limit: 10}
	p, err := s.List(t.Context(), q)
	if err != nil || len(p.Calls) != 0 || p.Next == nil {
		t.Fatalf("%d calls, next %v, %v", len(p.Calls), p.Next, err)
	}
	q.After = p.Next
	if p, err = s.List(t.Context(), q); err != nil || p.Next != nil {
		t.Errorf("next %v, %v", p.Next, err)
	}
}

// Ten thousand calls: pages by index, and the same page as one would get it without.
func BenchmarkPageOfTenThousand(b *testing.B) {
	s := open(b, file(b))
	fill(b, s, 10_000)
	deep := call.Query{Limit: 50, Until: storetest.Base.Add(100 * spacing)}
	for _, bench := range []struct {
		name string
		q    call.Query
	}{
		{"first", call.Query{Limit: 50}},
		{"last", deep},
		{"status=queued", call.Query{Status: call.Queued, Limit: 50}},
		{"to", call.Query{To: "+4930100000042", Limit: 50}},
		{"owner+outcome", call.Query{Owner: "tests", Outcome: call.Pending, Limit: 50}},
	} {
		b.Run(bench.name+"/index", func(b *testing.B) {
			for b.Loop() {
				if _, err := s.List(b.Context(), bench.q); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bench.name+"/scan", func(b *testing.B) {
			for b.Loop() {
				if _, err := scan(s, bench.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpeningAnOlderFileOfTenThousand(b *testing.B) {
	path := older(b, 10_000)
	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		err = s.db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketLists) })
		if err != nil || s.Close() != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// scan is a page without an index: every record read, what matches kept, the newest taken.
func scan(s *Store, q call.Query) (all []call.Call, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketCalls).ForEach(func(_, raw []byte) error {
			c, err := call.DecodeRecord(raw)
			if err == nil && q.Matches(c) {
				all = append(all, c)
			}
			return err
		})
	})
	slices.SortFunc(all, func(a, b call.Call) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all[:min(len(all), q.Limit)], err
}
