package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if work, ok := childWork[os.Getenv(childEnv)]; ok {
		work(os.Getenv(childPathEnv))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "calls.db") }

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) call.Store { return open(t, file(t)) })
}

// What is counted by number is told by day: an error reaches the log.
func TestADamagedCountIsNotToldWithTheNumber(t *testing.T) {
	s := open(t, file(t))
	const number, day = "+4930100001", "2026-03-02"
	storetest.Create(t, s, storetest.NewCall("a", number))
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketCounts).Put([]byte(day+daySeparator+number), []byte("x"+number))
	}); err != nil {
		t.Fatal(err)
	}
	c, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	next, _ := storetest.Rules.Next(c, call.Claimed{ClaimID: "claim", At: storetest.Base})
	err = s.Claim(t.Context(), next, call.Quota{Day: day, Attempts: 2})
	if err == nil || strings.Contains(err.Error(), number[3:]) || !strings.Contains(err.Error(), "count of "+day+" is damaged; restore") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrittenIsThereAfterReopening(t *testing.T) {
	path := file(t)
	var last *Store
	storetest.Persists(t, func(t *testing.T) call.Store {
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
		}
		last = open(t, path)
		return last
	})
}

func raw(s *Store) storetest.Raw {
	return storetest.Raw{
		Get: func(t *testing.T, id call.ID) (record map[string]json.RawMessage) {
			err := s.db.View(func(tx *bbolt.Tx) error {
				return json.Unmarshal(tx.Bucket(bucketCalls).Get([]byte(id)), &record)
			})
			if err != nil {
				t.Fatal(err)
			}
			return record
		},
		Put: func(t *testing.T, id call.ID, record map[string]json.RawMessage) {
			body, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketCalls).Put([]byte(id), body) }); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestUnknownAttributesSurviveARewrite(t *testing.T) {
	s := open(t, file(t))
	storetest.KeepsUnknown(t, s, raw(s))
}

func TestRecordsOfANewerSchemaAreLeftAlone(t *testing.T) {
	s := open(t, file(t))
	storetest.RefusesNewer(t, s, raw(s))
}

func TestFileAndFolderAreTheirOwnersAlone(t *testing.T) {
	path := file(t)
	open(t, path)
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", filepath.Base(name), info.Mode(), err, want)
		}
	}
}

func TestASecondHolderIsToldWhatToDo(t *testing.T) {
	path := file(t)
	first := open(t, path)
	_, err := Open(path, Options{LockTimeout: 20 * time.Millisecond})
	if !errors.Is(err, bolterrors.ErrTimeout) || !strings.Contains(err.Error(), "another process holds it; stop that call agent") {
		t.Fatalf("got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestOnlyAHigherLayoutIsRefused(t *testing.T) {
	for stored, refused := range map[string]string{"": "", "0": "", "1": "", "2": "", "3": "start the newer call agent", "x": "restore"} {
		path := file(t)
		s := open(t, path)
		storetest.Create(t, s, storetest.NewCall("a", "+4930100001"))
		err := s.db.Update(func(tx *bbolt.Tx) error {
			if stored == "" {
				return tx.DeleteBucket(bucketMeta)
			}
			return tx.Bucket(bucketMeta).Put(keyLayout, []byte(stored))
		})
		if err != nil || s.Close() != nil {
			t.Fatal(err)
		}
		s, err = Open(path, Options{})
		if refused != "" {
			if err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("layout %q: %v", stored, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("layout %q: %v", stored, err)
			continue
		}
		if _, err := s.Get(t.Context(), "a"); err != nil {
			t.Errorf("layout %q: %v", stored, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAFileThatIsNoStoreIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a store ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(filepath.Join(path, "below", "calls.db"), Options{}); err == nil || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("a folder that cannot be made: %v", err)
	}
}

func TestAClosedStoreErrs(t *testing.T) {
	s := open(t, file(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.Create(t.Context(), storetest.NewCall("a", "+4930100001"), nil, call.Quota{}); !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		t.Errorf("create: %v", err)
	}
}

func TestExpiredKeysAreSweptAndNoOthers(t *testing.T) {
	s := open(t, file(t))
	create := func(i int, created, expires time.Time) {
		c := storetest.NewCall(fmt.Sprint("call", i), fmt.Sprint("+49301", i))
		c.CreatedAt = created
		if _, err := s.Create(t.Context(), c, &call.IdempotencyKey{Token: "t", Key: fmt.Sprint(i), BodyHash: "b", Expires: expires}, call.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		create(i, storetest.Base, storetest.Base.Add(time.Duration(i+1)*time.Hour))
	}
	create(5, storetest.Base.Add(3*time.Hour), storetest.Base.Add(24*time.Hour))
	if err := s.db.View(func(tx *bbolt.Tx) error {
		if keys, times := tx.Bucket(bucketKeys).Stats().KeyN, tx.Bucket(bucketExpiries).Stats().KeyN; keys != 3 || times != 3 {
			t.Errorf("%d keys and %d expiries are left, want 3", keys, times)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := consistent(s); err != nil {
		t.Error(err)
	}
}

// More keys than one write sweeps have expired: the last is not swept yet, and is used anew.
func TestAnExpiredKeyIsForgottenBeforeItIsSwept(t *testing.T) {
	s := open(t, file(t))
	const many = 103
	under := func(i int, created time.Time, body string) call.ID {
		c := storetest.NewCall(fmt.Sprint("call", i), fmt.Sprint("+49301", i))
		c.CreatedAt = created
		c, err := s.Create(t.Context(), c, &call.IdempotencyKey{Token: "t", Key: fmt.Sprint(i % many), BodyHash: body, Expires: created.Add(time.Hour)}, call.Quota{})
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	for i := range many {
		under(i, storetest.Base.Add(time.Duration(i)*time.Second), "body")
	}
	later := storetest.Base.Add(2 * time.Hour)
	under(2*many-1, later, "other body")
	under(many, later.Add(time.Minute), "body") // sweeps the rest
	if id := under(3*many-1, later.Add(2*time.Minute), "other body"); id != call.ID(fmt.Sprint("call", 2*many-1)) {
		t.Errorf("the key leads to %s", id)
	}
	if err := consistent(s); err != nil {
		t.Error(err)
	}
}

// Whatever is asked of the store in whatever order, its indexes say what its records say.
func TestIndexesAlwaysFollowTheRecords(t *testing.T) {
	path := file(t)
	s := open(t, path)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		calls := rapid.IntRange(1, 4).Draw(t, "calls")
		at := storetest.Base
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
			n := rapid.IntRange(1, calls).Draw(t, "call")
			id := call.ID(fmt.Sprintf("run%d-%d-%d", run, n, rapid.IntRange(1, 2).Draw(t, "try")))
			step(t, s, id, fmt.Sprintf("+49%d0%d", run, n), at)
		}
		if err := consistent(s); err != nil {
			t.Fatal(err)
		}
	})
}

func step(t *rapid.T, s *Store, id call.ID, to string, at time.Time) {
	c, err := s.Get(t.Context(), id)
	if errors.Is(err, call.ErrNotFound) {
		c = storetest.NewCall(string(id), to)
		c.CreatedAt = at
		var refused *call.Error
		if _, err := s.Create(t.Context(), c, nil, call.Quota{}); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	n := max(len(c.Attempts), 1)
	provider := fmt.Sprintf("CA-%s-%d", id, n)
	e := rapid.SampledFrom([]call.Event{
		call.Claimed{ClaimID: "c", At: at},
		call.Intended{Attempt: n, ClaimID: "c", At: at},
		call.Bound{Attempt: n, ProviderCallID: provider, At: at},
		call.Refused{Attempt: n, Permanent: true, At: at},
		call.Reported{Attempt: n, At: at, Report: call.ProviderReport{ProviderCallID: provider, Status: call.Busy, Sequence: -1}},
		call.DialLost{Attempt: n, At: at},
		call.Ticked{At: at},
	}).Draw(t, "event")
	next, changed := storetest.Rules.Next(c, e)
	if !changed {
		return
	}
	if err := s.Update(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}
