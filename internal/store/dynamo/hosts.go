package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// HostReport is what a media host says of itself.
type HostReport struct {
	// URL is the host's wss base, as stream.hosts names it.
	URL string
	// Room is how many more calls it can hold.
	Room int
	// ModelOK says that the model answered when it was last asked; if not, ModelWords say
	// what is wrong, plainly.
	ModelOK    bool
	ModelWords string
	// Draining says that it takes no further calls.
	Draining bool
	// Config is the hash of the configuration it runs with, which must be that of the
	// functions; Version is the program's.
	Config, Version string
	// At is when this was so, by the host's clock.
	At time.Time
}

// Attributes of a host's report.
const (
	attrRoom       = "room"
	attrModelOK    = "modelOk"
	attrModelWords = "modelWords"
	attrDraining   = "draining"
	attrConfig     = "config"
	attrProgram    = "program"
	attrAt         = "at"
)

// hostKeep is how long the report of a host that has gone is kept.
const hostKeep = 24 * time.Hour

// batch is how many items one BatchGetItem may ask for.
const batch = 100

// Hosts keeps the media hosts' reports in the store's table. It is safe for concurrent use.
type Hosts struct{ table }

// NewHosts makes Hosts over a table; Retention is not used.
func NewHosts(o Options) *Hosts { return &Hosts{newTable(o)} }

// Report writes a host's report over its last one. A report that comes late, after a
// newer one, changes nothing.
func (h *Hosts) Report(ctx context.Context, r HostReport) error {
	err := h.do(ctx, "report media host", func(ctx context.Context) error {
		_, err := h.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &h.name, Item: encodeHost(r), ConditionExpression: some(ifNotNewer),
			ExpressionAttributeNames: namesIn(ifNotNewer), ExpressionAttributeValues: item{":at": instant(r.At)},
		})
		return err
	})
	var newer *types.ConditionalCheckFailedException
	if errors.As(err, &newer) {
		return nil
	}
	return err
}

// Fresh returns the reports, not older than since, of the hosts with these URLs, in their
// order. Hosts that have not reported are left out.
func (h *Hosts) Fresh(ctx context.Context, urls []string, since time.Time) ([]HostReport, error) {
	reports := map[string]HostReport{}
	var keys []item
	asked := map[string]bool{}
	for _, url := range urls {
		if !asked[url] { // DynamoDB refuses a key that is asked for twice
			asked[url] = true
			keys = append(keys, keyOfHost(url))
		}
	}
	for len(keys) > 0 {
		n := min(len(keys), batch)
		left, err := h.readSome(ctx, "read media hosts", keys[:n], types.KeysAndAttributes{}, func(it item) {
			if r, ok := decodeHost(it); ok {
				reports[r.URL] = r
			}
		})
		if err != nil {
			return nil, err
		}
		keys = append(keys[n:], left...)
	}
	var fresh []HostReport
	for _, url := range urls {
		if r, ok := reports[url]; ok && asked[url] && !r.At.Before(since) {
			fresh = append(fresh, r)
			asked[url] = false
		}
	}
	return fresh, nil
}

func encodeHost(r HostReport) item {
	return with(keyOfHost(r.URL), item{
		attrRoom: num(r.Room), attrModelOK: boolean(r.ModelOK), attrModelWords: str(r.ModelWords), attrDraining: boolean(r.Draining),
		attrConfig: str(r.Config), attrProgram: str(r.Version), attrAt: instant(r.At), AttrTTL: epoch(r.At.Add(hostKeep)),
	})
}

// decodeHost reads a report; ok is false for an item that is none, or is not dated.
func decodeHost(it item) (r HostReport, ok bool) {
	url, ok := hostOfKey(it)
	if !ok {
		return HostReport{}, false
	}
	at, err := time.Parse(sortable, text(it, attrAt))
	if err != nil {
		return HostReport{}, false
	}
	room, _ := number(it, attrRoom)
	return HostReport{
		URL: url, Room: int(max(room, 0)), ModelOK: truth(it, attrModelOK), ModelWords: text(it, attrModelWords),
		Draining: truth(it, attrDraining), Config: text(it, attrConfig), Version: text(it, attrProgram), At: at,
	}, true
}

func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// truth is a boolean attribute; false where there is none.
func truth(it item, name string) bool {
	b, ok := it[name].(*types.AttributeValueMemberBOOL)
	return ok && b != nil && b.Value
}
