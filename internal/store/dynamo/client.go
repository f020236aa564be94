package dynamo

import (
	"context"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	endpoints "github.com/aws/smithy-go/endpoints"
)

// Client is what this package asks of *dynamodb.Client. Safe for concurrent use.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

var _ Client = (*dynamodb.Client)(nil)

// ClientOptions of NewClient.
type ClientOptions struct {
	// Region and Credentials are required. Credentials that expire are kept until they do.
	Region      string
	Credentials aws.CredentialsProvider
	// Endpoint is another base URL than AWS's own (AWS_ENDPOINT_URL_DYNAMODB); empty: AWS's.
	Endpoint string
	// HTTPClient is for tests; nil means the SDK's own.
	HTTPClient *http.Client
}

// NewClient makes a client without aws/config, which costs a cold start 2 MB and some
// milliseconds (research/aws section 4). It does not repeat requests: the store does,
// since only the store knows what a request that was repeated means (see table.do).
func NewClient(o ClientOptions) *dynamodb.Client {
	options := dynamodb.Options{
		Region: o.Region, Credentials: o.Credentials, Retryer: aws.NopRetryer{},
		// The plain regional host: one name to resolve and one connection to warm.
		AccountIDEndpointMode: aws.AccountIDEndpointModeDisabled,
		EndpointResolverV2:    &resolvedOnce{rules: dynamodb.NewDefaultEndpointResolverV2()},
	}
	if _, kept := o.Credentials.(*aws.CredentialsCache); !kept && o.Credentials != nil {
		options.Credentials = aws.NewCredentialsCache(o.Credentials)
	}
	if o.Endpoint != "" {
		options.BaseEndpoint = aws.String(o.Endpoint)
	}
	if o.HTTPClient != nil {
		options.HTTPClient = o.HTTPClient
	}
	return dynamodb.New(options)
}

// resolvedOnce keeps the endpoint that the SDK's rules give: for one client, whose region
// and options do not change, and without an account in the host's name, they give the same
// for every request.
type resolvedOnce struct {
	rules    dynamodb.EndpointResolverV2
	once     sync.Once
	endpoint endpoints.Endpoint
	err      error
}

// ResolveEndpoint implements dynamodb.EndpointResolverV2.
func (r *resolvedOnce) ResolveEndpoint(ctx context.Context, p dynamodb.EndpointParameters) (endpoints.Endpoint, error) {
	r.once.Do(func() { r.endpoint, r.err = r.rules.ResolveEndpoint(ctx, p) })
	return r.endpoint, r.err
}
