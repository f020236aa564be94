package dynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// A newer program puts an attribute beside the record; ours is one of two that write it.
func TestUnknownAttributesOfTheItemSurvive(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	if err := place(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	mood := &types.AttributeValueMemberM{Value: item{"deep": &types.AttributeValueMemberSS{Value: []string{"x"}}}}
	change(t, s, keyOfCall(lifeID), "mood", mood)
	for _, e := range life(1) {
		if err := happen(t.Context(), s, e); err != nil {
			t.Fatal(err)
		}
	}
	got, ok := stored(t, s, keyOfCall(lifeID))["mood"].(*types.AttributeValueMemberM)
	if !ok || len(got.Value) != 1 {
		t.Errorf("what a newer program wrote is %v", got)
	}
	lived(t, s)
}

func TestANewerSchemaOfTheItemIsLeftAlone(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	c := storetest.Create(t, s, storetest.NewCall("a", "+4930100001"))
	change(t, s, keyOfCall("a"), attrSchema, num(99))
	change(t, s, keyOfCall("a"), attrWriter, str("a newer program"))
	for what, err := range map[string]error{"get": second(s.Get(t.Context(), "a")), "update": s.Update(t.Context(), c)} {
		if err == nil || !strings.Contains(err.Error(), "start the newer call agent") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestACallIsForgottenAfterItsRetention(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	now := storetest.Base
	o := optionsFor(c, newTableFor(t, c))
	o.Now = func() time.Time { return now }
	s := New(o)
	if err := live(t.Context(), s, 1); err != nil {
		t.Fatal(err)
	}
	ended, _ := s.Get(t.Context(), lifeID)
	now = ended.CompletedAt.Add(s.retention - time.Second)
	if _, err := s.Get(t.Context(), lifeID); err != nil {
		t.Errorf("before its time: %v", err)
	}
	now = ended.CompletedAt.Add(s.retention + time.Second) // DynamoDB has deleted nothing yet
	key := lifeKey
	key.Expires = now.Add(time.Hour)
	for what, err := range map[string]error{
		"get": second(s.Get(t.Context(), lifeID)), "update": s.Update(t.Context(), ended), "repeat": second(s.Repeat(t.Context(), lifeKey, now)),
	} {
		if !errors.Is(err, call.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	next := storetest.NewCall("next", lifeNumber)
	next.CreatedAt = now
	if got, err := s.Create(t.Context(), next, &key, call.Quota{}); err != nil || got.ID != "next" {
		t.Errorf("the number and the key are %v, %v", got.ID, err)
	}
	now = ended.Request.WindowEnd.Add(s.retention + spare + time.Second)
	if id, err := s.ByProviderCall(t.Context(), sid1); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the provider's id leads to %q, %v", id, err)
	}
}

func TestACallThatWaitsIsNeverForgotten(t *testing.T) {
	s := &Store{retention: time.Hour}
	c := storetest.NewCall("a", "+4930100001")
	if s.expiry(c) != nil {
		t.Error("a call that is not final expires")
	}
	c.CompletedAt = ptr(storetest.Base)
	if s.expiry(c) != nil {
		t.Error("a final call expires before its notice is delivered")
	}
	c.Due = nil
	if at := s.expiry(c); at == nil || !at.Equal(storetest.Base.Add(time.Hour)) {
		t.Errorf("it expires at %v", at)
	}
	s.retention = 0
	if s.expiry(c) != nil {
		t.Error("0 keeps it for good")
	}
}

func ptr[T any](v T) *T { return &v }

// Locks and keys that a call left behind, which somebody deleted by hand, hold nothing up.
func TestWhatPointsAtACallThatIsGoneIsTakenOver(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	if err := place(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.(*dynamodb.Client).DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.name, Key: keyOfCall(lifeID)}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Repeat(t.Context(), lifeKey, storetest.Base); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("the key leads to %v, %v", got.ID, err)
	}
	c := storetest.NewCall("next", lifeNumber)
	if got, err := s.Create(t.Context(), c, &lifeKey, lifeQuota); err != nil || got.ID != "next" {
		t.Fatalf("%v, %v", got.ID, err)
	}
	for name, key := range map[string]item{"lock": keyOfNumber(lifeNumber), "key": keyOfKey(lifeKey)} {
		if id := text(stored(t, s, key), attrCallID); id != "next" {
			t.Errorf("the %s is that of %q", name, id)
		}
	}
}

// Somebody mended a number's lock by hand: the call still ends, and the lock stays.
func TestANumberThatWasTakenOverIsNotReleased(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	storetest.Create(t, s, storetest.NewCall("a", lifeNumber))
	change(t, s, keyOfNumber(lifeNumber), attrCallID, str("other"))
	if c := storetest.Apply(t, s, "a", storetest.Ended()...); !c.Final() {
		t.Error("the call is not final")
	}
	if id := text(stored(t, s, keyOfNumber(lifeNumber)), attrCallID); id != "other" {
		t.Errorf("the lock is that of %q", id)
	}
}

func TestARecordThatIsTooLargeIsRefusedAndLosesNothing(t *testing.T) {
	s := open(t)
	if s == nil {
		return
	}
	c := storetest.Create(t, s, storetest.NewCall("a", lifeNumber))
	large := c.Clone()
	large.LastError = strings.Repeat("x", maxRecord-3000)
	if err := s.Update(t.Context(), large); err != nil {
		t.Fatalf("a record that just fits: %v", err)
	}
	large.Version++
	large.LastError += strings.Repeat("x", 4000)
	var refused *call.Error
	if err := s.Update(t.Context(), large); !errors.As(err, &refused) || refused.Code != call.TooLarge {
		t.Errorf("got %v, want too_large", err)
	}
	if got, err := s.Get(t.Context(), "a"); err != nil || got.Version != 2 {
		t.Errorf("version %d, %v", got.Version, err)
	}
	other := storetest.NewCall("b", "+4930100002")
	other.LastError = strings.Repeat("x", maxRecord)
	if _, err := s.Create(t.Context(), other, &lifeKey, lifeQuota); !errors.As(err, &refused) {
		t.Errorf("got %v, want too_large", err)
	}
	if _, err := s.Repeat(t.Context(), lifeKey, storetest.Base); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("its key: %v", err)
	}
}

func TestAMissingTableIsSaid(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	s := New(optionsFor(c, "nowhere"))
	for what, err := range map[string]error{
		"ping": s.Ping(t.Context()), "create": second(s.Create(t.Context(), storetest.NewCall("a", "+491"), &lifeKey, lifeQuota)),
		"due": second(s.Due(t.Context(), storetest.Base, 1)), "report": NewHosts(optionsFor(c, "nowhere")).Report(t.Context(), HostReport{URL: "wss://a"}),
	} {
		if err == nil || !strings.Contains(err.Error(), "CALLAGENT_TABLE") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCreateTableMakesWhatIsNotThere(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	name := "calls-made"
	for range 2 {
		if err := CreateTable(t.Context(), c, name); err != nil {
			t.Fatal(err)
		}
	}
	ttl, err := c.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil || *ttl.TimeToLiveDescription.AttributeName != AttrTTL {
		t.Errorf("%+v, %v", ttl, err)
	}
	if err := New(optionsFor(c, name)).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnlyARecordIsReadAsOne(t *testing.T) {
	whole := func() item {
		it, err := (&Store{}).attributesOf(storetest.NewCall("a", "+4930100001"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return with(keyOfCall("a"), it)
	}
	if _, err := decodeRecord(whole()); err != nil {
		t.Fatal(err)
	}
	for want, name := range map[string]string{"decode": attrRecord, "under the key of": AttrPK} {
		for _, value := range []types.AttributeValue{nil, num(7), str("x"), &types.AttributeValueMemberNULL{Value: true}} {
			it := whole()
			it[name] = value
			if _, err := decodeRecord(it); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s as %v: %v", name, value, err)
			}
		}
	}
	it := whole()
	it[attrVersion] = num(3)
	if _, err := decodeRecord(it); err == nil || !strings.Contains(err.Error(), "its version is 3") {
		t.Errorf("another version: %v", err)
	}
}

func FuzzDecodeItem(f *testing.F) {
	it, err := (&Store{}).attributesOf(storetest.NewCall("a", "+4930100001"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("CALL#a", text(it, attrRecord), "0", "1", "")
	f.Add("CALL#a", `{"schema":1,"callId":"a","version":3}`, "3", "1", "w")
	f.Add("CALL#", `{}`, "", "", "")
	f.Add("HOST#wss://a", "2026-03-02T09:00:00.000000000Z", "-9223372036854775808", "1e3", "x")
	f.Add("CALL#b", `{"callId":"a"}`, "1.5", "99", "w")
	f.Fuzz(func(t *testing.T, pk, body, version, n, writer string) {
		it := item{
			AttrPK: str(pk), attrRecord: str(body), attrAt: str(body), attrWriter: str(writer),
			attrVersion: &types.AttributeValueMemberN{Value: version}, attrSchema: &types.AttributeValueMemberN{Value: n},
			attrLive: &types.AttributeValueMemberN{Value: n}, attrRoom: &types.AttributeValueMemberN{Value: n}, AttrTTL: &types.AttributeValueMemberN{Value: n},
		}
		if r, err := decodeRecord(it); err == nil {
			if r.call.ID == "" || "CALL#"+string(r.call.ID) != pk || r.call.Schema > call.SchemaVersion {
				t.Fatalf("%q under %q was read", body, pk)
			}
			if _, _, err := (&Store{}).next(r, r.call, nil); err != nil && len(body) < maxRecord/2 {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
		if r, ok := decodeHost(it); ok && (hostPrefix+r.URL != pk || r.Room < 0 || r.At.IsZero() && body == "") {
			t.Fatalf("%+v was read from %q", r, pk)
		}
	})
}
