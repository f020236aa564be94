package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// walk follows a query's pages to their end.
func walk(t testing.TB, s call.Store, q call.Query) (all []call.Call) {
	t.Helper()
	for range 1000 {
		p, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		if len(p.Calls) > q.Limit {
			t.Fatalf("a page of %d has %d calls", q.Limit, len(p.Calls))
		}
		all = append(all, p.Calls...)
		if p.Next == nil {
			return all
		}
		q.After = p.Next
	}
	t.Fatalf("the list %+v has no end", q)
	return nil
}

func ids(calls []call.Call) (all []call.ID) {
	for _, c := range calls {
		all = append(all, c.ID)
	}
	return all
}

// many stores n calls, three to each second, of three owners, in all states.
func many(t testing.TB, s call.Store, n int) (all []call.Call) {
	t.Helper()
	for i := range n {
		c := NewCall(fmt.Sprintf("call-%03d", (i*37)%n), fmt.Sprintf("+49301%05d", i))
		c.CreatedAt = Base.Add(time.Duration(i/3) * time.Second)
		c.Owner = []string{"tests", "others", "tests/more"}[i%3]
		if i%5 != 0 {
			c.Request.To = "+4930200001" // one who is often called
			c.Status, c.Outcome = []call.Status{call.Completed, call.Busy, call.Failed}[i%3], []call.Outcome{call.Booked, call.NotBooked}[i%2]
			c.CompletedAt, c.Due, c.NextAttemptAt = ptr(c.CreatedAt.Add(time.Minute)), nil, nil
		}
		all = append(all, Create(t, s, c))
	}
	slices.SortFunc(all, func(a, b call.Call) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return all
}

func pages(t *testing.T, s call.Store) {
	if p, err := s.List(t.Context(), call.Query{Limit: 10}); err != nil || len(p.Calls) > 0 || p.Next != nil {
		t.Errorf("an empty store lists %v, %v", p, err)
	}
	all := many(t, s, 40)
	for _, limit := range []int{1, 7, 39, 40, 41, 100} {
		if got := walk(t, s, call.Query{Limit: limit}); !slices.Equal(ids(got), ids(all)) {
			t.Errorf("in pages of %d:\n%v, want\n%v", limit, ids(got), ids(all))
		}
	}
	p, err := s.List(t.Context(), call.Query{Limit: 7})
	if err != nil || len(p.Calls) != 7 || p.Next == nil {
		t.Fatalf("%v, %v", p, err)
	}
	same(t, p.Calls[0], get(t, s, p.Calls[0].ID))
	newer := NewCall("newer", "+4930300001") // while somebody turns the page
	newer.CreatedAt = Base.Add(time.Hour)
	Create(t, s, newer)
	if got := walk(t, s, call.Query{Limit: 7, After: p.Next}); !slices.Equal(ids(got), ids(all[7:])) {
		t.Errorf("the next pages are %v, want %v", ids(got), ids(all[7:]))
	}
}

func filters(t *testing.T, s call.Store) {
	all := many(t, s, 60)
	second := func(n int) time.Time { return Base.Add(time.Duration(n) * time.Second) }
	for _, q := range []call.Query{
		{Owner: "tests"},
		{Owner: "nobody"},
		{Status: call.Queued},
		{Status: call.Completed},
		{Status: call.Ringing},
		{Outcome: call.Booked},
		{Outcome: call.Pending},
		{To: "+4930200001"},
		{To: "+493020000"},
		{From: second(5)},
		{Until: second(5)},
		{From: second(5), Until: second(6)},
		{From: second(6), Until: second(5)},
		{From: second(5).In(time.FixedZone("east", 14*3600)), Until: second(15)},
		{From: second(5).Add(time.Nanosecond), Until: second(15).Add(-time.Nanosecond)},
		{Owner: "tests", Status: call.Completed},
		{Owner: "others", Outcome: call.NotBooked, From: second(3)},
		{Status: call.Completed, Outcome: call.Booked},
		{Status: call.Queued, Outcome: call.Booked},
		{To: "+4930200001", Status: call.Busy, Owner: "others", Until: second(14)},
		{Owner: "tests", Status: call.Queued},
		{Owner: "tests/more", Status: call.Failed, Outcome: call.Booked, From: second(1), Until: second(19)},
	} {
		var want []call.ID
		for _, c := range all {
			if q.Matches(c) {
				want = append(want, c.ID)
			}
		}
		for _, q.Limit = range []int{3, 100} {
			if got := walk(t, s, q); !slices.Equal(ids(got), want) {
				t.Errorf("%+v lists %v, want %v", q, ids(got), want)
			}
		}
	}
}

func listFollows(t *testing.T, s call.Store) {
	Create(t, s, NewCall("a", "+4930100001"))
	c := Create(t, s, NewCall("b", "+4930100002"))
	expect := func(q call.Query, want ...call.ID) {
		t.Helper()
		q.Limit = 10
		if got := walk(t, s, q); !slices.Equal(ids(got), want) {
			t.Errorf("%+v lists %v, want %v", q, ids(got), want)
		}
	}
	expect(call.Query{Status: call.Queued}, "b", "a")
	for _, e := range Ended() {
		before := c
		c = Apply(t, s, "b", e)
		expect(call.Query{}, "b", "a")
		expect(call.Query{Outcome: c.Outcome, Status: c.Status, To: c.Request.To}, "b")
		if before.Status != c.Status && before.Status != call.Queued {
			expect(call.Query{Status: before.Status})
		}
	}
	expect(call.Query{Status: call.Queued}, "a")
	expect(call.Query{Outcome: call.Pending}, "a")
	expect(call.Query{Status: call.Failed}, "b")
	expect(call.Query{Outcome: call.NotBooked}, "b")
}

// endedCall is a final call with all that can lead to one.
func endedCall(t *testing.T, s call.Store, id, to, provider string, k *call.IdempotencyKey) call.Call {
	t.Helper()
	if _, err := s.Create(t.Context(), NewCall(id, to), k, call.Quota{Day: "2026-03-02"}); err != nil {
		t.Fatal(err)
	}
	Apply(t, s, call.ID(id), Dialled(provider)...)
	c := Apply(t, s, call.ID(id), call.CancelRequested{At: Base.Add(3 * time.Second)},
		call.Reported{Attempt: 1, At: Base.Add(5 * time.Second), Report: call.ProviderReport{ProviderCallID: provider, Status: call.Canceled, Sequence: 2}})
	if !c.Final() {
		t.Fatalf("the call is %+v", c)
	}
	return c
}

func deleted(t *testing.T, s call.Store) {
	c := endedCall(t, s, "a", "+4930100001", "CA1", key("t", "k", "body"))
	if c.Due == nil {
		t.Fatal("there is no notice to deliver, so that the due index is not tried")
	}
	other := endedCall(t, s, "b", "+4930100002", "CA2", key("t", "l", "body"))
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"get": second(s.Get(t.Context(), "a")), "its key": second(s.Repeat(t.Context(), *key("t", "k", "body"), Base)),
		"its provider's id": second(s.ByProviderCall(t.Context(), "CA1")), "a second deletion": s.Delete(t.Context(), "a"),
		"a deletion of what never was": s.Delete(t.Context(), "never"),
	} {
		if !errors.Is(err, call.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	expectDue(t, s, Base.Add(time.Hour), "b")
	for _, q := range []call.Query{{}, {Owner: c.Owner}, {Status: c.Status}, {Outcome: c.Outcome}} {
		q.Limit = 10
		if got := walk(t, s, q); !slices.Equal(ids(got), []call.ID{"b"}) {
			t.Errorf("%+v lists %v", q, ids(got))
		}
	}
	same(t, get(t, s, "b"), other)
	if id, err := s.ByProviderCall(t.Context(), "CA2"); err != nil || id != "b" {
		t.Errorf("another call's id leads to %q, %v", id, err)
	}
	if again, err := s.Repeat(t.Context(), *key("t", "l", "body"), Base); err != nil || again.ID != "b" {
		t.Errorf("another call's key leads to %q, %v", again.ID, err)
	}
	if next, err := s.Create(t.Context(), NewCall("a2", "+4930100001"), key("t", "k", "other body"), call.Quota{}); err != nil || next.ID != "a2" {
		t.Errorf("its number and key are not free: %v, %v", next.ID, err)
	}
}

func second[T any](_ T, err error) error { return err }

func notDeleted(t *testing.T, s call.Store) {
	c := Create(t, s, NewCall("a", "+4930100001"))
	for _, e := range Dialled("CA1") {
		conflict(t, s.Delete(t.Context(), "a"), "a")
		same(t, get(t, s, "a"), c)
		c = Apply(t, s, "a", e)
	}
	conflict(t, s.Delete(t.Context(), "a"), "a")
}

func deletedStays(t *testing.T, s call.Store) {
	c := endedCall(t, s, "a", "+4930100001", "CA1", nil)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	late, _ := Rules.Next(c, call.NoticeSending{Body: []byte("{}"), Until: Base.Add(time.Minute), At: Base.Add(6 * time.Second)})
	for what, write := range map[string]error{
		"an update": s.Update(t.Context(), late), "a claim": s.Claim(t.Context(), late, call.Quota{Day: "2026-03-02", Live: 1}),
	} {
		if !errors.Is(write, call.ErrNotFound) {
			t.Errorf("%s: %v", what, write)
		}
	}
	if got := walk(t, s, call.Query{Limit: 10}); len(got) > 0 {
		t.Errorf("it is back: %v", ids(got))
	}
	expectDue(t, s, Base.Add(time.Hour))
}

// A number and a provider's id may be another call's by now, or always were.
func deletesItsOwn(t *testing.T, s call.Store) {
	endedCall(t, s, "a", "+4930100001", "CA1", nil)
	endedCall(t, s, "b", "+4930100002", "CA1", nil)
	Create(t, s, NewCall("c", "+4930100002"))
	if err := s.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if id, err := s.ByProviderCall(t.Context(), "CA1"); err != nil || id != "a" {
		t.Errorf("the id leads to %q, %v", id, err)
	}
	_, err := createAt(t, s, "d", "+4930100002", 0, nil)
	conflict(t, err, "c")
}

func deletedAtOnce(t *testing.T, s call.Store) {
	endedCall(t, s, "a", "+4930100001", "CA1", key("t", "k", "body"))
	atOnce(20, func(int) bool {
		if err := s.Delete(t.Context(), "a"); err != nil && !errors.Is(err, call.ErrNotFound) {
			t.Error(err)
		}
		return true
	})
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, call.ErrNotFound) {
		t.Error(err)
	}
}
