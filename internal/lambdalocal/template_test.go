package lambdalocal

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheShippedTemplateIsRead(t *testing.T) {
	s, err := readTemplate("../../template.yaml", map[string]string{"PublicBaseUrl": "https://agent.example"}, "table")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, f := range s.functions {
		names = append(names, name)
		if f.environment["CALLAGENT_TABLE"] != "table" || f.timeout < time.Second || f.name != "callagent-"+name {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"calls", "notify", "retry", "status", "tools", "voice"}) {
		t.Errorf("functions %q", names)
	}
	if s.functions["notify"].timeout != time.Minute || s.functions["notify"].stream == nil {
		t.Errorf("notify: %+v", s.functions["notify"])
	}
	if len(s.recurring) != 1 || s.recurring[0].every != time.Minute || s.recurring[0].function != "retry" {
		t.Errorf("schedules %+v", s.recurring)
	}
	for request, function := range map[string]string{
		"POST /voice": "voice", "POST /status": "status", "POST /tools/invoke": "tools", "GET /calls/k3_Q-9/events": "calls", "DELETE /calls/k3": "calls", "GET /calls": "calls", "GET /calls/k3/recording": "calls", "POST /amd": "status", "GET /healthz": "tools",
	} {
		method, path, _ := strings.Cut(request, " ")
		at := slices.IndexFunc(s.routes, func(r route) bool { return r.matches(method, path) })
		if at < 0 || s.routes[at].function != function {
			t.Errorf("%s goes to route %d of %+v", request, at, s.routes)
		}
	}
}

func TestWhatIsNotUnderstoodIsSaid(t *testing.T) {
	text, err := os.ReadFile("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for what, x := range map[string]struct{ old, broken, want string }{
		"not YAML":               {"Resources:", "\tResources:", "yaml"},
		"an unknown function":    {"!Ref PublicBaseUrl", "!Base64 x", "Fn::Base64 is not known"},
		"an unknown name":        {"!Ref PublicBaseUrl", "!Ref Nobody", "nothing named Nobody"},
		"an unknown in a text":   {"${Colour}", "${Nobody}", "nothing named Nobody"},
		"an unknown condition":   {"[IsNotRed,", "[IsBlue,", "no condition IsBlue"},
		"a condition of itself":  {"!Equals [!Ref Colour, red]", "!Not [!Condition IsRed]", "refers to itself"},
		"an alias of itself":     {"&common", "&common\n        SELF: *common", "refers to itself"},
		"a condition of nothing": {"!Equals [!Ref Colour, red]", "!Ref Colour", "neither true nor false"},
		"If of two":              {`, !Sub "not red but ${Colour}", red]`, ", red]", "Fn::If needs"},
		"Sub with variables":     {`!Sub "${AWS::StackName}-obey"`, `!Sub ["${a}", {a: 1}]`, "Fn::Sub with its own"},
		"Equals of one":          {"[!Ref Colour, red]", "[red]", "not written as"},
		"a nameless function":    {`FunctionName: !Sub "${AWS::StackName}-obey"`, "Handler: x", "needs FunctionName"},
		"another event":          {"Type: DynamoDB", "Type: SQS", "type SQS is not known"},
		"no filter":              {"Filters:", "Sieves:", "0 filters"},
		"another filter":         {`"prefix"`, `"suffix"`, "Follow"},
		"a route to nothing":     {"{IntegrationUri: !Ref ObeyAliaslive}", "{IntegrationUri: elsewhere}", "leads to no function"},
		"another rate":           {"rate(1 minute)", "cron(0 12 * * ? *)", "write rate(n minutes)"},
	} {
		broken := strings.Replace(string(text), x.old, x.broken, 1)
		if broken == string(text) {
			t.Fatalf("%s: %q is not in the template", what, x.old)
		}
		if s, err := parseTemplate([]byte(broken), nil, "t"); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v (%+v)", what, err, s.functions["follow"].stream)
		}
	}
	if _, err := parseTemplate(nil, nil, "t"); err == nil {
		t.Error("an empty template is one")
	}
}

// Aliases that multiply stay within bounds.
func TestATemplateThatGrowsIsRefused(t *testing.T) {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for n := range 9 {
		name, last := string(rune('1'+n)), string(rune('0'+n))
		text += "a" + name + ": &a" + name + " [" + strings.Repeat("*a"+last+", ", 9) + "]\n"
	}
	if _, err := parseTemplate([]byte(text), nil, "t"); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, file := range []string{"testdata/template.yaml", "../../template.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("Conditions: {A: !Condition A}\nResources: {F: {Type: AWS::Serverless::Function, Properties: !If [A, 1, 2]}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseTemplate(text, map[string]string{"PublicBaseUrl": "https://agent.example"}, "table")
		if err != nil {
			return
		}
		for _, r := range s.routes {
			if s.functions[r.function].name == "" {
				t.Errorf("a route to nobody: %+v", r)
			}
		}
		for _, r := range s.recurring {
			if s.functions[r.function].name == "" || r.every <= 0 {
				t.Errorf("a schedule of nobody: %+v", r)
			}
		}
	})
}
