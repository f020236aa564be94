package dynamo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/dynamo/dynamotest"
	"github.com/clawdbot/call-agent/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
}

// client reaches DynamoDB Local, or is nil where there is none.
func client(t testing.TB) *dynamodb.Client {
	t.Helper()
	server := dynamotest.Start(t)
	if server == nil {
		return nil
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	return NewClient(ClientOptions{
		Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(testCredentials),
		Endpoint: server.Endpoint, HTTPClient: &http.Client{Transport: transport},
	})
}

// newTableFor makes an empty table. It has no TTL: the suite's calls are of the past.
func newTableFor(t testing.TB, client *dynamodb.Client) string {
	t.Helper()
	name := "calls-" + rand.Text()
	if _, err := client.CreateTable(t.Context(), Table(name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// optionsFor are patient: the server shares two slow processors with the race detector.
func optionsFor(client Client, table string) Options {
	return Options{
		Client: client, Table: table, Now: func() time.Time { return storetest.Base },
		Retention: 30 * 24 * time.Hour, CallTimeout: 30 * time.Second, Patience: 2 * time.Minute,
	}
}

// open makes a store over an empty table of DynamoDB Local; nil where there is none.
func open(t testing.TB) *Store {
	t.Helper()
	c := client(t)
	if c == nil {
		return nil
	}
	return New(optionsFor(c, newTableFor(t, c)))
}

func TestContract(t *testing.T) {
	if client(t) == nil {
		return
	}
	storetest.Run(t, func(t *testing.T) call.Store { return open(t) })
}

func TestWhatIsWrittenIsThereForTheNextProcess(t *testing.T) {
	c := client(t)
	if c == nil {
		return
	}
	name := newTableFor(t, c)
	storetest.Persists(t, func(*testing.T) call.Store { return New(optionsFor(c, name)) })
}

// raw reaches into a call's item.
func raw(s *Store) storetest.Raw {
	return storetest.Raw{
		Get: func(t *testing.T, id call.ID) (record map[string]json.RawMessage) {
			t.Helper()
			if err := json.Unmarshal([]byte(text(stored(t, s, keyOfCall(id)), attrRecord)), &record); err != nil {
				t.Fatal(err)
			}
			return record
		},
		Put: func(t *testing.T, id call.ID, record map[string]json.RawMessage) {
			t.Helper()
			body, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			change(t, s, keyOfCall(id), attrRecord, str(string(body)))
			change(t, s, keyOfCall(id), attrWriter, str("a newer program"))
		},
	}
}

func stored(t testing.TB, s *Store, key item) item {
	t.Helper()
	it, err := s.getAny(t.Context(), "test", key)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// change sets one attribute of an item, past the store.
func change(t testing.TB, s *Store, key item, name string, value types.AttributeValue) {
	t.Helper()
	_, err := s.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: key, UpdateExpression: aws.String("SET #a = :a"),
		ExpressionAttributeNames: map[string]string{"#a": name}, ExpressionAttributeValues: item{":a": value},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnknownAttributesSurviveARewrite(t *testing.T) {
	if s := open(t); s != nil {
		storetest.KeepsUnknown(t, s, raw(s))
	}
}

func TestRecordsOfANewerSchemaAreLeftAlone(t *testing.T) {
	if s := open(t); s != nil {
		storetest.RefusesNewer(t, s, raw(s))
	}
}
