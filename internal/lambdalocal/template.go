package lambdalocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// What a template's functions of its surroundings are here.
const (
	region  = "us-east-1"
	account = "000000000000"
)

// stack is what of a template is run.
type stack struct {
	functions map[string]spec // by folder: voice, status, …
	routes    []route
	recurring []recurringSpec
}

// readTemplate reads a template with these parameters over its defaults. What it does not
// understand is an error that says where it stands.
func readTemplate(file string, parameters map[string]string, table string) (stack, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return stack{}, fmt.Errorf("read the template: %w", err)
	}
	s, err := parseTemplate(text, parameters, table)
	if err != nil {
		return stack{}, fmt.Errorf("the template %s: %w", file, err)
	}
	return s, nil
}

func parseTemplate(text []byte, parameters map[string]string, table string) (stack, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return stack{}, err
	}
	if len(document.Content) == 0 {
		return stack{}, errors.New("it is empty")
	}
	whole, err := (&reading{left: mostNodes}).plain(document.Content[0])
	if err != nil {
		return stack{}, err
	}
	root, _ := whole.(map[string]any)
	e := &evaluation{
		left: mostNodes, conditions: object(root["Conditions"]), resources: object(root["Resources"]),
		values: map[string]any{
			"AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": "aws", "AWS::StackName": "callagent",
			"AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": nil,
		},
	}
	for name, p := range object(root["Parameters"]) {
		e.values[name] = object(p)["Default"]
	}
	for name, v := range parameters {
		e.values[name] = v
	}
	e.values["Table"] = table
	e.values["ArchiveBucket"] = "" // there is no S3 here, and what finds no bucket looks for none
	return e.stack(object(object(root["Globals"])["Function"]))
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func (e *evaluation) stack(globals map[string]any) (stack, error) {
	s := stack{functions: map[string]spec{}}
	folders := map[string]string{} // by logical name
	for name := range e.resources {
		if e.typeOf(name) != "AWS::Serverless::Function" {
			continue
		}
		f, err := e.function(name, globals)
		if err != nil {
			return s, err
		}
		s.functions[f.folder], folders[name] = f, f.folder
	}
	for name := range e.resources {
		switch e.typeOf(name) {
		case "AWS::ApiGatewayV2::Route":
			r, err := e.route(name, folders)
			if err != nil {
				return s, err
			}
			s.routes = append(s.routes, r)
		case "AWS::Scheduler::Schedule":
			r, err := e.schedule(name, folders)
			if err != nil {
				return s, err
			}
			s.recurring = append(s.recurring, r)
		}
	}
	return s, nil
}

// function is one AWS::Serverless::Function.
func (e *evaluation) function(name string, globals map[string]any) (spec, error) {
	v, err := e.value("Resources."+name, e.properties(name))
	if err != nil {
		return spec{}, err
	}
	common, err := e.value("Globals.Function", globals)
	if err != nil {
		return spec{}, err
	}
	p, g := object(v), object(common)
	f := spec{environment: map[string]string{}, memory: fmt.Sprint(either(p["MemorySize"], g["MemorySize"]))}
	f.name, _ = p["FunctionName"].(string)
	f.folder = path.Base(fmt.Sprint(p["CodeUri"]))
	seconds, ok := either(p["Timeout"], g["Timeout"]).(int)
	if f.name == "" || f.folder == "." || !ok {
		return spec{}, fmt.Errorf("resource %s needs FunctionName, CodeUri and Timeout", name)
	}
	f.timeout = time.Duration(seconds) * time.Second
	for _, from := range []map[string]any{g, p} {
		for key, value := range object(object(from["Environment"])["Variables"]) {
			f.environment[key] = fmt.Sprint(value)
		}
	}
	f.retries, _ = object(p["EventInvokeConfig"])["MaximumRetryAttempts"].(int)
	for _, event := range object(p["Events"]) {
		if f.stream, err = streamOf(object(event)); err != nil {
			return spec{}, fmt.Errorf("resource %s: %w", name, err)
		}
	}
	return f, nil
}

func either(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

// streamOf is a function's event of type DynamoDB. Of filters it knows the one kind that
// tells items by event name and the prefix of their sort key.
func streamOf(event map[string]any) (*streamSpec, error) {
	p := object(event["Properties"])
	if event["Type"] != "DynamoDB" {
		return nil, fmt.Errorf("an event of type %v is not known here", event["Type"])
	}
	s := &streamSpec{batch: 100, retries: 10}
	if n, ok := p["BatchSize"].(int); ok {
		s.batch = n
	}
	if n, ok := p["MaximumRetryAttempts"].(int); ok {
		s.retries = n
	}
	filters, _ := object(p["FilterCriteria"])["Filters"].([]any)
	if len(filters) != 1 {
		return nil, fmt.Errorf("%d filters of a stream; one is known here", len(filters))
	}
	var pattern struct {
		EventName []string `json:"eventName"`
		DynamoDB  struct {
			Keys struct {
				SK struct {
					S []struct {
						Prefix string `json:"prefix"`
					}
				}
			}
		} `json:"dynamodb"`
	}
	text, _ := object(filters[0])["Pattern"].(string)
	if err := json.Unmarshal([]byte(text), &pattern); err != nil || len(pattern.DynamoDB.Keys.SK.S) != 1 || pattern.DynamoDB.Keys.SK.S[0].Prefix == "" {
		return nil, fmt.Errorf("a filter that is not known here: %s", text)
	}
	s.events, s.prefix = pattern.EventName, pattern.DynamoDB.Keys.SK.S[0].Prefix
	return s, nil
}

// route follows a route to its integration, and that to its function.
func (e *evaluation) route(name string, folders map[string]string) (route, error) {
	v, err := e.value("Resources."+name, e.properties(name))
	if err != nil {
		return route{}, err
	}
	key, _ := object(v)["RouteKey"].(string)
	target, _ := object(v)["Target"].(string)
	method, at, found := strings.Cut(key, " ")
	integration := strings.TrimPrefix(target, "integrations/")
	i, err := e.value("Resources."+integration, e.properties(integration))
	if err != nil {
		return route{}, err
	}
	folder := folders[functionOf(object(i)["IntegrationUri"])]
	if !found || folder == "" {
		return route{}, fmt.Errorf("resource %s leads to no function", name)
	}
	return route{method: method, path: at, function: folder}, nil
}

// functionOf is the logical name of the function whose alias this is.
func functionOf(alias any) string {
	return strings.TrimSuffix(fmt.Sprint(alias), "Aliaslive")
}

func (e *evaluation) schedule(name string, folders map[string]string) (recurringSpec, error) {
	v, err := e.value("Resources."+name, e.properties(name))
	if err != nil {
		return recurringSpec{}, err
	}
	p := object(v)
	target := object(p["Target"])
	var n int
	var unit string
	expression, _ := p["ScheduleExpression"].(string)
	_, err = fmt.Sscanf(strings.TrimSuffix(expression, ")"), "rate(%d %s", &n, &unit)
	folder := folders[functionOf(target["Arn"])]
	if err != nil || strings.TrimSuffix(unit, "s") != "minute" || n < 1 || folder == "" {
		return recurringSpec{}, fmt.Errorf("resource %s: the schedule %q is not known here; write rate(n minutes) to a function's alias", name, expression)
	}
	input, _ := target["Input"].(string)
	return recurringSpec{every: time.Duration(n) * time.Minute, function: folder, input: []byte(input)}, nil
}
