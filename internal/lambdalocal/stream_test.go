package lambdalocal

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// brief is a client that keeps no connection: the tests look for leaks.
func brief() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
}

// table is a table's stream, told by a script: what each reading of a shard gets.
type table struct {
	mu     sync.Mutex
	reads  [][]change // the next ones; nil fails, as an iterator that ran out does
	begun  int
	closed bool // the shard ends after them
}

type change struct{ event, key string }

func (s *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, what, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch what {
	case "DescribeTable":
		writeJSON(w, map[string]any{"Table": map[string]any{"LatestStreamArn": "arn:stream"}})
	case "DescribeStream":
		writeJSON(w, map[string]any{"StreamDescription": map[string]any{"Shards": []any{map[string]any{"ShardId": "shard"}}}})
	case "GetShardIterator":
		s.begun++
		writeJSON(w, map[string]any{"ShardIterator": "here"})
	case "GetRecords":
		s.records(w)
	default:
		awsError(w, "UnknownOperationException")
	}
}

func (s *table) records(w http.ResponseWriter) {
	if len(s.reads) == 0 {
		out := map[string]any{"Records": []any{}}
		if !s.closed {
			out["NextShardIterator"] = "here"
		}
		writeJSON(w, out)
		return
	}
	next := s.reads[0]
	s.reads = s.reads[1:]
	if next == nil {
		awsError(w, "ExpiredIteratorException")
		return
	}
	records := []any{}
	for _, c := range next {
		records = append(records, map[string]any{"eventID": c.key, "eventName": c.event, "dynamodb": map[string]any{
			"SequenceNumber": c.key, "Keys": map[string]any{"PK": map[string]string{"S": "p"}, "SK": map[string]string{"S": c.key}},
		}})
	}
	writeJSON(w, map[string]any{"Records": records, "NextShardIterator": "here"})
}

func TestTheStreamIsFollowed(t *testing.T) {
	s := &table{closed: true, reads: [][]change{
		{{"INSERT", "OUT#1"}, {"MODIFY", "OUT#2"}, {"INSERT", "CALL#3"}},
		nil,
		{{"INSERT", "OUT#4"}, {"INSERT", "OUT#5"}, {"INSERT", "OUT#6"}},
	}}
	server := httptest.NewServer(s)
	defer server.Close()
	recorded := filepath.Join(t.TempDir(), "events")
	start(t, func(o *Options) { o.Template, o.DynamoDB = recordingTemplate(t, recorded), server.URL })
	eventually(t, "the last one", func() bool { return strings.Contains(read(recorded), "OUT#6") })
	var batches [][]string
	for line := range strings.Lines(read(recorded)) {
		var e struct{ Records []record }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, r := range e.Records {
			keys = append(keys, r.DynamoDB.Keys["SK"]["S"])
		}
		batches = append(batches, keys)
	}
	if want := [][]string{{"OUT#1"}, {"OUT#4", "OUT#5"}, {"OUT#6"}}; !slices.EqualFunc(batches, want, slices.Equal[[]string]) {
		t.Errorf("batches %q, want %q", batches, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun != 2 {
		t.Errorf("the shard was begun %d times, want twice: once again after its iterator ran out", s.begun)
	}
}

func TestOnlyWhatFailedIsHandedOverAgain(t *testing.T) {
	batch := make([]record, 3)
	for i, n := range []string{"1", "2", "3"} {
		batch[i].DynamoDB.SequenceNumber = n
	}
	for answer, want := range map[string]int{
		`{}`: 0, `{"batchItemFailures":[]}`: 0, `{"batchItemFailures":[{"itemIdentifier":"2"}]}`: 2, `{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"1"}]}`: 3,
		`{"batchItemFailures":[{"itemIdentifier":"9"}]}`: 0, `null`: 0, `nonsense`: 3,
	} {
		if got := failedOf(batch, []byte(answer)); len(got) != want {
			t.Errorf("%s: %d again, want %d", answer, len(got), want)
		}
	}
}

// A record that always fails is given up after as many repeats as the template allows, and
// the next one has its turn.
func TestARecordThatAlwaysFailsIsGivenUp(t *testing.T) {
	s := &table{closed: true, reads: [][]change{{{"INSERT", "OUT#1"}}, {{"INSERT", "OUT#2"}}}}
	server := httptest.NewServer(s)
	defer server.Close()
	recorded := filepath.Join(t.TempDir(), "events")
	start(t, func(o *Options) {
		o.Template, o.DynamoDB = recordingTemplate(t, recorded+"\n        ALWAYS: fail"), server.URL
	})
	tries := func(key string) int { return strings.Count(read(recorded), `"SequenceNumber":"`+key+`"`) }
	eventually(t, "both were given up", func() bool { return tries("OUT#2") == 4 })
	if got := tries("OUT#1"); got != 4 {
		t.Errorf("the first one was tried %d times, want 4", got)
	}
}
