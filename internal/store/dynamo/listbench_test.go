package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

// wire is an item as it is sent.
type wire map[string]map[string]string

// shelf is DynamoDB with one page in it: its answers are ready, so that what a benchmark
// measures is what we and the SDK do with them.
type shelf struct {
	entries, records []wire
	ready            map[string][]byte // by operation
}

// RoundTrip implements http.RoundTripper.
func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	op := r.Header.Get("X-Amz-Target")
	if s.ready[op] == nil {
		body, err := s.answer(op, r.Body)
		if err != nil {
			return nil, err
		}
		s.ready[op] = body
	}
	body := s.ready[op]
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {fmt.Sprint(crc32.ChecksumIEEE(body))}},
	}, nil
}

// answer holds those attributes that are asked for.
func (s *shelf) answer(op string, question io.Reader) ([]byte, error) {
	type projection struct {
		ProjectionExpression     string
		ExpressionAttributeNames map[string]string
	}
	var q struct {
		projection
		RequestItems map[string]projection
	}
	if err := json.NewDecoder(question).Decode(&q); err != nil {
		return nil, err
	}
	if strings.HasSuffix(op, ".Query") {
		return json.Marshal(map[string]any{"Items": only(s.entries, q.ProjectionExpression, q.ExpressionAttributeNames), "Count": len(s.entries), "ScannedCount": len(s.entries)})
	}
	some := map[string][]wire{}
	for table, p := range q.RequestItems {
		some[table] = only(s.records, p.ProjectionExpression, p.ExpressionAttributeNames)
	}
	return json.Marshal(map[string]any{"Responses": some})
}

func only(items []wire, expression string, names map[string]string) (some []wire) {
	if expression == "" {
		return items
	}
	for _, it := range items {
		left := wire{}
		for _, name := range strings.Split(expression, ", ") {
			if v, ok := it[names[name]]; ok {
				left[names[name]] = v
			}
		}
		some = append(some, left)
	}
	return some
}

// stock is a shelf with n calls that are over.
func stock(t testing.TB, n int) *shelf {
	t.Helper()
	s := &shelf{ready: map[string][]byte{}}
	for i := range n {
		c := storetest.NewCall(fmt.Sprintf("call-%02d", i), fmt.Sprintf("+4930100%04d", i))
		for _, e := range append(storetest.Dialled("CA1"), storetest.Ended()...) {
			c, _ = storetest.Rules.Next(c, e)
		}
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		id, status, outcome := map[string]string{"S": CallPrefix + string(c.ID)}, map[string]string{"S": string(c.Status)}, map[string]string{"S": string(c.Outcome)}
		s.entries = append(s.entries, wire{
			AttrPK: id, AttrSK: {"S": skRecord}, AttrList: {"S": allCalls}, AttrPlace: {"S": placeKey(c.Place())},
			AttrOwner: {"S": c.Owner}, AttrStatus: status, AttrOutcome: outcome, AttrCallee: {"S": hash(c.Request.To)},
		})
		s.records = append(s.records, wire{
			AttrPK: id, attrRecord: {"S": string(raw)}, attrVersion: {"N": fmt.Sprint(c.Version)}, attrWriter: {"S": strings.Repeat("A", 26)}, attrSchema: {"N": fmt.Sprint(c.Schema)},
		})
	}
	return s
}

// What a page takes of us, DynamoDB and the way to it apart.
func BenchmarkPageOfFifty(b *testing.B) {
	s := New(Options{Table: "t", Client: NewClient(ClientOptions{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: stock(b, 50)},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})})
	b.ReportAllocs()
	for b.Loop() {
		if p, err := s.List(b.Context(), call.Query{Limit: 50}); err != nil || len(p.Calls) != 50 {
			b.Fatal(len(p.Calls), err)
		}
	}
}
