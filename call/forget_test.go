package call_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// stored puts a final call into the store that ended then.
func stored(t *testing.T, w *calltest.World, id call.ID, ended time.Time) {
	t.Helper()
	r := calltest.Request(ended)
	r.To = "+14155550111"
	c := call.Call{
		Schema: call.SchemaVersion, ID: id, Owner: "clawdbot", Request: r, Status: call.Busy, Outcome: call.NotBooked,
		MaxAttempts: 1, CreatedAt: ended.Add(-time.Hour), UpdatedAt: ended, CompletedAt: &ended,
	}
	if _, err := w.Store.Create(t.Context(), c, nil, call.Quota{}); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, w *calltest.World) (ids []call.ID) {
	t.Helper()
	p, err := w.Service.List(t.Context(), "", true, call.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Calls {
		ids = append(ids, c.ID)
	}
	return ids
}

// Calls are forgotten by the age of their end, so many at a time, and none of which
// something is still to be done.
func TestOldCallsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, archive := calltest.NewWorld(), &calltest.Archive{}
		w.Service.Archive = archive
		began := time.Now()
		waiting := place(t, w).ID // placed long ago, and not over
		sad := untold(t, w)
		time.Sleep(40 * 24 * time.Hour)
		for i := range 150 {
			stored(t, w, call.ID(fmt.Sprint("old-", i)), began.Add(time.Duration(i)*time.Minute))
		}
		stored(t, w, "long", began.Add(-time.Minute)) // it began before the bound, too
		stored(t, w, "recent", began.Add(35*24*time.Hour))
		archive.Say("old-3", 1, began, call.Line{Kind: "transcript", Text: "hello"})
		then := began.Add(24 * time.Hour)
		for i, want := range []int{100, 51, 0} {
			n, more, err := w.Service.ForgetOld(t.Context(), then)
			if n != want || more != (i == 0) || err != nil {
				t.Errorf("%d forgotten, more %v, %v", n, more, err)
			}
		}
		got := left(t, w)
		slices.Sort(got)
		want := []call.ID{"recent", sad, waiting}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("left are %v, want %v", got, want)
		}
		if _, err := archive.Timeline(t.Context(), "old-3", 1, 0); !errors.Is(err, call.ErrNotFound) {
			t.Errorf("what was said in it: %v", err)
		}
	})
}

// untold is a call that is over and whose owner could not be told yet.
func untold(t *testing.T, w *calltest.World) call.ID {
	t.Helper()
	w.Notifier.OnSend = func(context.Context, calltest.Post) error {
		return &call.NotifyError{Retry: true, Err: errors.New("nobody is there")}
	}
	a, err := placeTo(t, w, "+14155550199")
	if err != nil {
		t.Fatal(err)
	}
	return cancelled(t, w, a.CallID).ID
}

func TestForgettingOldCallsSaysWhatFails(t *testing.T) {
	w := calltest.NewWorld()
	stored(t, w, "old", time.Now().Add(-time.Hour))
	for _, op := range []string{"list", "delete"} {
		w.Store.FailWith(func(got string, _ call.Call) error {
			if got == op {
				return context.DeadlineExceeded
			}
			return nil
		})
		if n, more, err := w.Service.ForgetOld(t.Context(), time.Now()); n != 0 || more || err == nil {
			t.Errorf("%s fails: %d, %v, %v", op, n, more, err)
		}
	}
}

// One call that cannot be deleted, and one that somebody else deleted, keep none that is
// older; where none can be deleted it is not asked for all.
func TestACallThatCannotBeForgottenKeepsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, archive := calltest.NewWorld(), &calltest.Archive{}
		w.Service.Archive = archive
		began := time.Now()
		time.Sleep(24 * time.Hour)
		for i := range 50 {
			stored(t, w, call.ID(fmt.Sprint("old-", i)), began.Add(time.Duration(i)*time.Minute))
		}
		tries := 0
		archive.FailWith(func(string, call.ID) error { tries++; return errors.New("read-only file system") })
		if n, more, err := w.Service.ForgetOld(t.Context(), time.Now()); n != 0 || more || err == nil || tries != 20 {
			t.Errorf("none can be deleted: %d, %v, %v after %d tries", n, more, err, tries)
		}
		archive.FailWith(func(_ string, id call.ID) error {
			if id == "old-49" {
				return errors.New("permission denied")
			}
			return nil
		})
		w.Store.FailWith(func(op string, c call.Call) error {
			if op == "delete" && c.ID == "old-48" {
				return call.ErrNotFound
			}
			return nil
		})
		n, more, err := w.Service.ForgetOld(t.Context(), time.Now())
		if n != 48 || more || err == nil || !strings.Contains(err.Error(), "old-49") || strings.Contains(err.Error(), "old-48") {
			t.Errorf("%d forgotten, more %v, %v", n, more, err)
		}
	})
}

// Without its record nobody would put the line down.
func TestACallIsDeletedOnlyWhenItsLineIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, archive := calltest.NewWorld(), &calltest.Archive{}
		w.Service.Archive = archive
		id := place(t, w).ID
		sid := get(t, w, id).Attempts[0].ProviderCallID
		w.Telephony.OnEnd = func(string) error { return errors.New("503") }
		if c := cancelled(t, w, id); !c.Final() || c.Last().LineDownAt != nil {
			t.Fatalf("%s, line down at %v", c.Status, c.Last().LineDownAt)
		}
		archive.Say(id, 1, time.Now(), call.Line{Kind: "transcript", Text: "hello"})
		var refused *call.Error
		if err := w.Service.Forget(t.Context(), "clawdbot", false, id); !errors.As(err, &refused) || refused.Code != call.Unavailable || refused.RetryAfter == 0 || strings.Contains(err.Error(), "503") {
			t.Errorf("while its line is up: %v", err)
		}
		if _, err := archive.Timeline(t.Context(), id, 1, 0); err != nil {
			t.Errorf("what is kept of it: %v", err)
		}
		get(t, w, id)
		w.Telephony.OnEnd = nil
		if err := w.Service.Forget(t.Context(), "clawdbot", false, id); err != nil {
			t.Error(err)
		}
		if ended := w.Telephony.Ended(); len(ended) != 1 || ended[0] != sid {
			t.Errorf("lines put down: %v, want %s", ended, sid)
		}
		if _, err := w.Store.Get(t.Context(), id); !errors.Is(err, call.ErrNotFound) {
			t.Errorf("its record: %v", err)
		}
	})
}

// Of the indexes that could answer, the one with fewest calls does.
func TestAQuestionGoesToTheIndexWithFewestCalls(t *testing.T) {
	for _, tt := range []struct {
		q     call.Query
		want  call.Index
		under string
	}{
		{call.Query{}, call.IndexAll, ""},
		{call.Query{Owner: "o"}, call.IndexOwner, "o"},
		{call.Query{Status: call.Completed}, call.IndexStatus, "completed"},
		{call.Query{Outcome: call.Booked}, call.IndexOutcome, "booked"},
		{call.Query{Status: call.Completed, Outcome: call.Booked}, call.IndexOutcome, "booked"},
		{call.Query{Owner: "o", Status: call.Completed}, call.IndexOwner, "o"},
		{call.Query{Owner: "o", Status: call.Ringing}, call.IndexStatus, "ringing"},
		{call.Query{Owner: "o", Outcome: call.Pending, Status: call.Queued}, call.IndexStatus, "queued"},
		{call.Query{Owner: "o", Outcome: call.Unconfirmed}, call.IndexOutcome, "unconfirmed"},
		{call.Query{Status: call.Busy, Outcome: call.NotBooked}, call.IndexStatus, "busy"},
		{call.Query{Owner: "o", Status: call.Ringing, To: "+1"}, call.IndexTo, "+1"},
	} {
		i, under := tt.q.Best()
		if i != tt.want || under != tt.under {
			t.Errorf("%+v goes to %d %q", tt.q, i, under)
		}
		c := call.Call{Owner: tt.q.Owner, Status: tt.q.Status, Outcome: tt.q.Outcome, Request: call.Request{To: tt.q.To}}
		if i.Under(c) != under {
			t.Errorf("a call that is asked for by %+v stands under %q", tt.q, i.Under(c))
		}
	}
}

func TestASummaryMasksTheNumberAndAddsUp(t *testing.T) {
	at, usd := time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("", 3600)), 0.5
	c := call.Call{
		ID: "k3", Request: call.Request{To: "+14155550123", Goal: "<b>"}, Status: call.Completed, Outcome: call.Booked, CreatedAt: at, MaxAttempts: 3,
		Event:  &call.Booking{EventID: "e", Start: at, End: at.Add(time.Hour), Timezone: "Europe/Berlin"},
		Notice: &call.Notice{State: call.NoticePending},
		Attempts: []call.Attempt{
			{Number: 1, Status: call.Busy},
			{Number: 2, Measures: &call.Measures{Quality: call.Quality{DurationMS: 1500}, Cost: call.Cost{ModelUSD: &usd, TranscriptionUSD: &usd}}, AnsweredAt: &at, PhoneMinutes: 1, PhoneUSD: &usd},
			{Number: 3, Measures: &call.Measures{Quality: call.Quality{DurationMS: 500}, Cost: call.Cost{ModelUSD: &usd, TranscriptionUSD: &usd}}, AnsweredAt: &at, PhoneMinutes: 1, PhoneUSD: &usd},
		},
	}
	s := c.Summary()
	if s.To != "+1******0123" || s.DurationMS != 2000 || s.Attempt != 3 || s.Cost == nil || s.Cost.Total == nil || *s.Cost.Total != 3 || s.Event.Timezone != "Europe/Berlin" || s.Notification.State != call.NoticePending || s.CreatedAt.Location() != time.UTC {
		t.Errorf("%+v", s)
	}
	c.Attempts[2].PhoneUSD = nil
	if s := c.Summary(); s.Cost.Total != nil {
		t.Errorf("a price of which a part is unknown is %v", *s.Cost.Total)
	}
	if strings.Contains(fmt.Sprint(s), "5550123") {
		t.Error("the number is told")
	}
}
