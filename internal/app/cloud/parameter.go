package cloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/clawdbot/call-agent/internal/config"
)

// Document is a configuration as it stands in SSM.
type Document struct {
	Config *config.Config
	// Hash is the SHA-256 of the text, in hex: equal where two planes run with the same one.
	Hash string
}

// maxDocument is the longest value that SSM holds (8 KiB in the advanced tier), with its envelope.
const maxDocument = 64 << 10

// Times of one read: one that takes longer is tried once more.
const (
	readLimit = 2 * time.Second
	readTries = 2
)

// ReadText reads the parameter. It asks SSM by one signed POST: the SDK's client for this
// one request would cost a cold start 1.4 MB and 1 to 4 ms (research/aws section 4). No
// error of it holds anything of the value.
func (e Environment) ReadText(ctx context.Context) ([]byte, error) {
	var all error
	for range readTries {
		text, again, err := e.readOnce(ctx)
		if err == nil {
			return text, nil
		}
		all = err
		if !again || ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("read the configuration document %s from SSM: %w", e.Parameter, all)
}

func (e Environment) readOnce(ctx context.Context) (text []byte, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	req, err := e.request(ctx)
	if err != nil {
		return nil, false, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, true, fmt.Errorf("SSM was not reached: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument))
	if err != nil {
		return nil, true, fmt.Errorf("the answer was cut off: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		again, err := refusal(res.StatusCode, body)
		return nil, again, err
	}
	var answer struct {
		Parameter struct{ Value string }
	}
	if json.Unmarshal(body, &answer) != nil || answer.Parameter.Value == "" {
		return nil, false, errNoValue // the decoder's error would quote the value
	}
	return []byte(answer.Parameter.Value), false, nil
}

var errNoValue = errors.New("the answer holds no value")

// request is GetParameter of the SSM API 2014-11-06, signed.
func (e Environment) request(ctx context.Context) (*http.Request, error) {
	base := e.Endpoint("SSM")
	if base == "" {
		base = "https://ssm." + e.Region + ".amazonaws.com"
	}
	body, err := json.Marshal(map[string]any{"Name": e.Parameter, "WithDecryption": true})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	credentials, err := e.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, sum(body), "ssm", e.Region, time.Now()); err != nil {
		return nil, err
	}
	return req, nil
}

// refusals say what SSM's error types mean for whoever deployed this.
var refusals = map[string]string{
	"ParameterNotFound":           "there is no such parameter; write it with make secrets",
	"AccessDeniedException":       "this role may not read it; template.yaml allows it for the parameter ConfigParameter and the key ConfigKeyArn",
	"InvalidKeyId":                "the key that it is encrypted with is off or gone; enable it, or write the document anew: scripts/secrets.sh write --replace",
	"ExpiredTokenException":       "the credentials have expired; renew them",
	"UnrecognizedClientException": "the credentials are not known; renew them",
}

// throttled is SSM's refusal of more than 40 reads a second, as when many instances start at
// once. Unlike others of status 400, it says something else the next time.
const throttled = "ThrottlingException"

// refusal is what SSM said, and whether it may say something else if it is asked again.
func refusal(status int, body []byte) (again bool, err error) {
	var answer struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(body, &answer) // without a type the status must do
	kind := answer.Type[strings.LastIndexByte(answer.Type, '#')+1:]
	again = status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || kind == throttled
	if words, known := refusals[kind]; known {
		return again, errors.New(words)
	}
	return again, fmt.Errorf("SSM answered %d %s", status, kind)
}

// Hash is the SHA-256 of a document's text, in hex.
func Hash(text []byte) string { return sum(text) }

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Decode reads a document as a function does: defaults, the document, the environment,
// then every rule, those of AWS among them. The error is a config.Faults with everything
// that is wrong at once.
func (e Environment) Decode(text []byte) (Document, error) {
	c := config.New()
	c.Cloud = true
	var faults config.Faults
	for _, err := range []error{c.DecodeJSON(text), c.ApplyEnv(e.Lookup), check(c)} {
		var more config.Faults
		var one config.Fault
		switch {
		case errors.As(err, &more):
			faults = append(faults, more...)
		case errors.As(err, &one):
			faults = append(faults, one)
		case err != nil:
			return Document{}, fmt.Errorf("configuration document: %w", err)
		}
	}
	if len(faults) > 0 {
		return Document{Config: c}, fmt.Errorf("configuration document: %w", faults)
	}
	return Document{Config: c, Hash: sum(text)}, nil
}

// check are the rules of every plane, and two that only hold where the planes are apart.
func check(c *config.Config) error {
	var faults config.Faults
	if err := c.Validate(); err != nil && !errors.As(err, &faults) {
		return err
	}
	if c.Telephony.Provider != config.ProviderTwilio {
		faults = append(faults, config.Fault{Key: "telephony.provider", Problem: "is " + c.Telephony.Provider + ", which is served on one host only", Mend: "write " + config.ProviderTwilio})
	}
	if len(c.Stream.Hosts) == 0 {
		faults = append(faults, config.Fault{Key: "stream.hosts", Problem: "is missing, and this plane holds no stream itself", Mend: "write the wss address of each media host"})
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}
