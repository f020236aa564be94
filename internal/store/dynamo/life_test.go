package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// A whole life of a call: busy at first, booked at the second attempt, the owner told.
const (
	lifeID, lifeNumber = "life", "+4930100001"
	sid1, sid2         = "CA11111111111111111111111111111111", "CA22222222222222222222222222222222"
)

var (
	lifeKey   = call.IdempotencyKey{Token: "clawdbot", Key: "request 1", BodyHash: "b0d1", Expires: storetest.Base.Add(call.IdempotencyTTL)}
	lifeQuota = call.Quota{Day: "2026-03-02", Calls: 20, Attempts: 4, Live: 5}
)

func after(seconds int) time.Time { return storetest.Base.Add(time.Duration(seconds) * time.Second) }

func reported(attempt int, sid string, status call.Status, sequence, seconds int) call.Event {
	return call.Reported{Attempt: attempt, At: after(seconds), Report: call.ProviderReport{ProviderCallID: sid, Status: status, Sequence: sequence, At: after(seconds)}}
}

// attemptEvents bring an attempt to where the callee's phone rings.
func attemptEvents(n int, sid string, from int) []call.Event {
	claim := fmt.Sprint("claim ", n)
	return []call.Event{
		call.Claimed{ClaimID: claim, At: after(from)},
		call.Intended{Attempt: n, ClaimID: claim, At: after(from)},
		call.Bound{Attempt: n, ProviderCallID: sid, At: after(from + 1)},
		reported(n, sid, call.Queued, 0, from+1),
		reported(n, sid, call.Ringing, 1, from+3),
	}
}

// life is every event of it, and talk how often a conversation's lease is renewed: three
// times a minute.
func life(talk int) []call.Event {
	start := storetest.Base.Add(26 * time.Hour)
	booking := call.Booking{Key: "key of the event", CalendarID: "primary", Start: start, End: start.Add(30 * time.Minute), Timezone: "Europe/Berlin", Title: "Check-up with Dr. Weber", Description: "Booked by phone for Anna Schmidt; call " + lifeID}
	all := slices.Concat(attemptEvents(1, sid1, 0), []call.Event{
		call.AnswerGiven{Answer: call.Answer{OK: true, CallID: lifeID, Status: call.Dialing}, At: after(4)},
		reported(1, sid1, call.Busy, 2, 8),
	}, attemptEvents(2, sid2, 100), []call.Event{
		reported(2, sid2, call.InProgress, 2, 110),
		call.Answered{Attempt: 2, ProviderCallID: sid2, At: after(110)},
		call.StreamOpened{Attempt: 2, ProviderCallID: sid2, StreamID: "stream", At: after(111)},
		call.GreetingHeard{Attempt: 2, StreamID: "stream", At: after(113)},
		call.CalleeSpoke{Attempt: 2, StreamID: "stream", At: after(116)},
	})
	at := 111
	for range talk {
		at += 20
		all = append(all, call.StreamRenewed{Attempt: 2, StreamID: "stream", At: after(at)})
	}
	return append(all,
		call.BookingIntended{Attempt: 2, StreamID: "stream", Booking: booking, At: after(at + 1)},
		call.BookingAnswered{Key: booking.Key, EventID: "event-1", At: after(at + 2)},
		call.SessionEnded{Attempt: 2, StreamID: "stream", Reason: call.EndBooked, FarewellPlayed: true, At: after(at + 9), Report: &call.Report{
			Summary: "The practice offered Tuesday at ten; the callee agreed and repeated date and time.", NextSteps: []string{"Bring the insurance card."},
			Evidence: []call.Quote{{Quote: "Tuesday at ten is fine, see you then.", AtMS: 61_200}},
		}},
		call.LineDown{Attempt: 2, At: after(at + 10)},
		reported(2, sid2, call.Completed, 3, at+10),
		call.NoticeSending{Body: []byte(strings.Repeat("Appointment booked: Tuesday. ", 12)), Until: after(at + 60), At: after(at + 10)},
		call.NoticeTried{At: after(at + 11)},
	)
}

// place creates the call of a life, as the service does: it asks for the key first.
func place(ctx context.Context, s *Store) error {
	if _, err := s.Repeat(ctx, lifeKey, storetest.Base); !errors.Is(err, call.ErrNotFound) {
		return err
	}
	c := storetest.NewCall(lifeID, lifeNumber)
	_, err := s.Create(ctx, c, &lifeKey, lifeQuota)
	return err
}

// happen lets an event happen, as the service does.
func happen(ctx context.Context, s *Store, e call.Event) error {
	for {
		c, err := s.Get(ctx, lifeID)
		if err != nil {
			return err
		}
		next, changed := storetest.Rules.Next(c, e)
		if !changed {
			return nil
		}
		if _, claims := e.(call.Claimed); claims {
			err = s.Claim(ctx, next, lifeQuota)
		} else {
			err = s.Update(ctx, next)
		}
		if !errors.Is(err, call.ErrStale) {
			return err
		}
	}
}

// live lets a whole life happen.
func live(ctx context.Context, s *Store, talk int) error {
	if err := place(ctx, s); err != nil {
		return fmt.Errorf("place: %w", err)
	}
	for _, e := range life(talk) {
		if err := happen(ctx, s, e); err != nil {
			return fmt.Errorf("%T: %w", e, err)
		}
	}
	return nil
}

// scan is every item of a table, by its key; tests may.
func scan(t testing.TB, s *Store) map[string]item {
	t.Helper()
	c, ok := s.client.(interface {
		Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	})
	if !ok {
		t.Fatal("this client cannot scan")
	}
	out, err := c.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.name})
	if errors.Is(err, net.ErrClosed) { // a kept connection that was given up as its answer came; the store asks again, too
		out, err = c.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.name})
	}
	if err != nil || len(out.LastEvaluatedKey) > 0 {
		t.Fatal("scan:", err)
	}
	all := map[string]item{}
	for _, it := range out.Items {
		all[text(it, AttrPK)+" "+text(it, AttrSK)] = it
	}
	return all
}

// lived says what is wrong with what a whole life leaves behind.
func lived(t testing.TB, s *Store) {
	t.Helper()
	all := scan(t, s)
	var keys []string
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	number := hash(lifeNumber)
	want := []string{
		"CALL#life META", "CALL#life OUT#booked", "IDEM#clawdbot#" + hash("request 1") + " REQ",
		"QUOTA#calls#2026-03-02 -", "QUOTA#live -", "QUOTA#number#" + number + "#2026-03-02 -",
		"SID#" + sid1 + " REF", "SID#" + sid2 + " REF",
	}
	if !slices.Equal(keys, want) {
		t.Errorf("the table holds\n%q, want\n%q", keys, want)
	}
	if n, _ := number2(all, "QUOTA#calls#2026-03-02 -"); n != 1 {
		t.Errorf("%d calls are counted, want 1", n)
	}
	if n, _ := number2(all, "QUOTA#number#"+number+"#2026-03-02 -"); n != 2 {
		t.Errorf("%d attempts are counted, want 2", n)
	}
	if left := all["QUOTA#live -"]["calls"]; left != nil {
		t.Errorf("places are still taken: %v", left)
	}
	c, err := s.Get(t.Context(), lifeID)
	if err != nil || c.Outcome != call.Booked || c.Notice.State != call.NoticeDelivered || len(c.Attempts) != 2 || c.Due != nil {
		t.Errorf("the call is %+v, %v", c, err)
	}
}

func number2(all map[string]item, key string) (int64, bool) { return number(all[key], "count") }

func TestAWholeLifeLeavesWhatTheLayoutSays(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	if err := live(t.Context(), s, 2); err != nil {
		t.Fatal(err)
	}
	lived(t, s)
	meta := scan(t, s)["CALL#life META"]
	for name, want := range map[string]string{AttrStatus: "completed", AttrOutcome: "booked"} {
		if got := text(meta, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if meta[AttrDuePK] != nil || meta[AttrDueAt] != nil || meta[attrLive] != nil {
		t.Errorf("a call that is done is due, or live: %v", meta)
	}
	c, _ := s.Get(t.Context(), lifeID)
	if ttl, _ := number(meta, AttrTTL); ttl != c.CompletedAt.Add(s.retention).Unix() {
		t.Errorf("ttl is %d", ttl)
	}
	for key := range scan(t, s) {
		if strings.Contains(key, lifeNumber) || strings.Contains(key, "request 1") {
			t.Errorf("%q tells more than it should", key)
		}
	}
}
