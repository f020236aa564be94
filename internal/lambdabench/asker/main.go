// Command asker is a function that asks the outside one thing, and says how long it waited
// for it at the transport: from the request's last byte out to the answer's first byte in.
// The benchmark learns by it what the way there and back is from where functions run.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type asker struct{ client http.Client }

// Invoke takes a URL as a JSON string, posts to it and answers the wait in nanoseconds.
func (a *asker) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var url string
	if err := json.Unmarshal(event, &url); err != nil {
		return nil, fmt.Errorf("the event must be a URL: %w", err)
	}
	var out, in time.Time
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { out = time.Now() },
		GotFirstResponseByte: func() { in = time.Now() },
	}), http.MethodPost, url, strings.NewReader(`{"key":"value"}`))
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	return json.Marshal(in.Sub(out))
}

func main() { lambda.Start(&asker{}) }
