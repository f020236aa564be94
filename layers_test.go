package callagent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/clawdbot/call-agent/"

// layer is one row of the architecture's import rule: which packages belong to it and
// what of ours, and of others, they may import directly.
type layer struct {
	name     string
	packages []string // exact, or a prefix ending in "/"
	ours     []string
	others   []string
}

// aws is what of its SDK an adapter may use.
var aws = []string{"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go", "github.com/aws/smithy-go/endpoints"}

// layers are in order: the first row that names a package decides.
var layers = []layer{
	{"L0", []string{"call", "internal/config", "media/g711", "media/pcm"}, nil, nil},
	{"ports of loopback", []string{"internal/freeport"}, nil, nil},
	{"the pages of the heap", []string{"internal/hugeheap"}, nil, []string{"golang.org/x/sys/unix"}},
	{"L0 fakes of the ports", []string{"call/calltest"}, []string{"call"}, nil},
	{"L0m", []string{"media", "media/"}, []string{"media", "media/"}, []string{"github.com/gorilla/websocket", "golang.org/x/text/cases", "golang.org/x/text/unicode/norm"}},
	{"pages", []string{"internal/page"}, nil, nil},
	{"rules of pages", []string{"internal/page/"}, []string{"internal/page"}, nil},
	{"the console", []string{"internal/console"}, []string{"internal/page"}, nil},
	{
		"L1 telephony",
		[]string{"telephony/"},
		[]string{"call", "internal/freeport", "internal/page", "media/g711", "media/pcm", "media/speech", "media/twiliostream"},
		[]string{"github.com/twilio/twilio-go/client", "github.com/twilio/twilio-go/rest/api/v2010", "github.com/twilio/twilio-go/twiml", "github.com/gorilla/websocket"},
	},
	{"L1 stores", []string{"internal/store/"}, []string{"call"}, append(aws, "go.etcd.io/bbolt", "go.etcd.io/bbolt/errors", "pgregory.net/rapid")},
	{"L1 archives", []string{"internal/archive", "internal/archive/"}, []string{"call", "internal/archive", "internal/archive/archivetest"}, aws},
	{"L1 schedulers", []string{"internal/schedule/"}, []string{"call"}, aws},
	{
		"L1 calendar bridge",
		[]string{"internal/calendarbridge"},
		nil,
		[]string{"github.com/arran4/golang-ical", "github.com/teambition/rrule-go", "golang.org/x/sys/unix"},
	},
	{"L1 clients", []string{"internal/calendar", "internal/hooks"}, []string{"call"}, []string{"github.com/cenkalti/backoff/v5"}},
	{"L2 door", []string{"internal/access"}, []string{"call"}, nil},
	{"L2 tests of answers", []string{"internal/access/accesstest"}, nil, []string{"github.com/santhosh-tekuri/jsonschema/v6"}},
	{"L2 calls", []string{"internal/callsapi"}, []string{"call", "internal/access"}, nil},
	{"L2 tools", []string{"internal/toolapi"}, []string{"call", "internal/access"}, []string{"github.com/nyaruka/phonenumbers"}},
	{"L2 tools by MCP", []string{"internal/mcpapi"}, []string{"internal/toolapi"}, []string{"github.com/modelcontextprotocol/go-sdk/mcp"}},
	{"L2 commands", []string{"internal/cli"}, []string{"call"}, nil},
	{"L2", []string{"internal/httpapi"}, []string{"call"}, nil},
	{"L2 events", []string{"internal/lambdahttp"}, nil, nil},
	{"L3", []string{"internal/app/"}, []string{"call", "media", "media/", "telephony/", "internal/"}, append(aws, "github.com/gorilla/websocket", "github.com/aws/aws-lambda-go/")},
	{"tests of the whole", []string{"internal/chaos", "internal/cloudtest"}, []string{"call", "media", "media/", "telephony/", "internal/"}, aws},
	{"a benchmark of functions", []string{"internal/lambdabench", "internal/lambdabench/"}, nil, []string{"github.com/aws/aws-lambda-go/"}},
	{"a benchmark of the bridge", []string{"internal/bridgebench"}, []string{"internal/freeport", "internal/hugeheap", "media/g711", "media/pcm"}, []string{"github.com/gorilla/websocket"}},
	{"a runner of functions", []string{"internal/lambdalocal"}, nil, append(aws, "go.yaml.in/yaml/v3")},
	{"L4 demo", []string{"internal/demo", "internal/demo/"}, []string{"call", "caddymodule", "media", "media/", "telephony/", "internal/"}, nil},
	{
		"L4",
		[]string{"caddymodule", "caddymodule/", "cmd/", "lambdas/", ""},
		[]string{"call", "caddymodule", "media", "media/", "telephony/", "internal/", "lambdas/tools/unpacked"},
		[]string{"github.com/caddyserver/caddy/v2", "github.com/caddyserver/caddy/v2/", "github.com/prometheus/client_golang/prometheus", "github.com/spf13/cobra", "golang.org/x/term", "github.com/aws/aws-sdk-go-v2/aws"},
	},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// TestLayers holds every package against the import rule of the architecture: a lower
// layer never imports a higher one, packages of one layer never import each other,
// and only the top reaches Caddy.
func TestLayers(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, strings.TrimSuffix(module, "/")), "/")
		l, ok := layerOf(name)
		if !ok {
			t.Errorf("package %s belongs to no layer: put it into the table, or where it belongs", name)
			continue
		}
		for _, imp := range p.Imports {
			switch {
			case strings.HasPrefix(imp, module):
				if our := strings.TrimPrefix(imp, module); !matches(our, l.ours) {
					t.Errorf("%s (%s) imports %s, which its layer may not", name, l.name, our)
				}
			case strings.Contains(strings.Split(imp, "/")[0], ".") && !matches(imp, l.others):
				t.Errorf("%s (%s) imports %s, which its layer may not", name, l.name, imp)
			}
		}
	}
}

// TestTwilioRootIsNotBuilt: the root package of twilio-go costs minutes of build
// (research/twilio section 8).
func TestTwilioRootIsNotBuilt(t *testing.T) {
	for _, dep := range strings.Fields(run(t, "go", "list", "-deps", "./telephony/twilio")) {
		if dep == "github.com/twilio/twilio-go" {
			t.Fatal("telephony/twilio links the root package of twilio-go; import only client and rest/api/v2010")
		}
	}
}

// TestFunctionsLinkLittle: what a function links is loaded at every cold start.
func TestFunctionsLinkLittle(t *testing.T) {
	for _, name := range []string{"voice", "status", "tools", "calls", "retry", "notify"} {
		for _, dep := range strings.Fields(run(t, "go", "list", "-tags", "lambda.norpc", "-deps", "./lambdas/"+name)) {
			for _, heavy := range []string{
				"github.com/aws/aws-sdk-go-v2/config", "go.etcd.io/bbolt", "github.com/gorilla/websocket", "github.com/caddyserver/", "net/rpc",
				module + "media", module + "internal/app/stream", module + "internal/app/local", "github.com/nyaruka/", "github.com/modelcontextprotocol/",
			} {
				theirs := name == "tools" && (heavy == "github.com/nyaruka/" || heavy == "github.com/modelcontextprotocol/")
				if strings.HasPrefix(dep, heavy) && !theirs {
					t.Errorf("%s links %s", name, dep)
				}
			}
		}
	}
}

// TestEveryBinaryCarriesZones: times must be right on hosts without zone files.
func TestEveryBinaryCarriesZones(t *testing.T) {
	for _, p := range list(t, "./cmd/...") {
		if !matches("time/tzdata", p.Imports) {
			t.Errorf("%s does not import time/tzdata", p.ImportPath)
		}
	}
}

func layerOf(name string) (layer, bool) {
	for _, l := range layers {
		if matches(name, l.packages) {
			return l, true
		}
	}
	return layer{}, false
}

// matches says whether name is one of the patterns, or lies below one that ends in "/".
func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if name == p || (strings.HasSuffix(p, "/") && strings.HasPrefix(name, p)) {
			return true
		}
	}
	return false
}

func list(t *testing.T, pattern string) (all []listed) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(run(t, "go", "list", "-json=ImportPath,Imports", pattern)))
	for {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(all) == 0 {
				t.Fatalf("go list %s named no package", pattern)
			}
			return all
		case err != nil:
			t.Fatalf("go list %s: %v", pattern, err)
		}
		all = append(all, p)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
