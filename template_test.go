package callagent

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/store/dynamo"
)

// functions of the control plane: how long each may take, in seconds, and why.
var functions = map[string]struct {
	logical string
	timeout float64
	because string
}{
	"voice":  {"Voice", 10, "Twilio gives up after 15 s"},
	"status": {"Status", 10, "Twilio gives up after 15 s"},
	"tools":  {"Tools", 15, "call_agent answers in 12 s at most (contract section 1)"},
	"calls":  {"Calls", 15, "a long poll is answered in 10 s at most"},
	"retry":  {"Retry", 60, "the next sweep comes after a minute"},
	"notify": {"Notify", 60, "a hook may take 20 s (contract section 4)"},
}

func TestEveryFunctionIsComplete(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	roles := map[string]bool{}
	for name, f := range functions {
		r := tpl.Resources[f.logical+"Function"]
		if r.Type != "AWS::Serverless::Function" {
			t.Errorf("%s is a %q", name, r.Type)
			continue
		}
		p := r.Properties
		role := short(p["Role"])
		for what, got := range map[string][2]string{
			"name":        {short(p["FunctionName"]), "Sub ${AWS::StackName}-" + name},
			"code":        {short(p["CodeUri"]), "lambdas/" + name + "/"},
			"timeout":     {short(p["Timeout"]), fmt.Sprint(f.timeout)},
			"role":        {role, "GetAtt " + f.logical + "Role.Arn"},
			"log":         {short(at[any](t, p, "LoggingConfig", "LogGroup")), "Ref " + f.logical + "Log"},
			"log's name":  {short(tpl.Resources[f.logical+"Log"].Properties["LogGroupName"]), "Sub /aws/lambda/${AWS::StackName}-" + name},
			"retention":   {short(tpl.Resources[f.logical+"Log"].Properties["RetentionInDays"]), "Ref LogRetentionDays"},
			"canary":      {short(at[any](t, p, "DeploymentPreference", "Enabled")), "Ref Canary"},
			"its alarm":   {short(at[any](t, p, "DeploymentPreference", "Alarms", 0)), "Ref " + f.logical + "Errors"},
			"alarm on":    {short(tpl.Resources[f.logical+"Errors"].Properties["MetricName"]), "Errors"},
			"alarm about": {short(at[any](t, tpl.Resources[f.logical+"Errors"].Properties, "Dimensions", 0, "Value")), "Sub ${AWS::StackName}-" + name},
			"build":       {short(at[any](t, r.Attributes, "Metadata", "BuildMethod")), "go1.x"},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s is %s, want %s (%s)", name, what, got[0], got[1], f.because)
			}
		}
		if roles[role] {
			t.Errorf("%s shares its role %s", name, role)
		}
		roles[role] = true
	}
	for name, want := range map[string]string{
		"Runtime": "provided.al2023", "Handler": "bootstrap", "AutoPublishAlias": "live", "Architectures": `[{"Ref":"Architecture"}]`,
	} {
		if got := short(tpl.Globals.Function[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestEnvironmentIsWhatTheFunctionsRead(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	got := slices.Sorted(maps.Keys(at[object](t, tpl.Globals.Function, "Environment", "Variables")))
	want := []string{
		"CALLAGENT_PARAMETER", "CALLAGENT_SCHEDULE_DLQ", "CALLAGENT_SCHEDULE_GROUP", "CALLAGENT_SCHEDULE_ROLE",
		"CALLAGENT_SCHEDULE_TARGET", "CALLAGENT_SERVER_PUBLIC_BASE_URL", "CALLAGENT_TABLE",
		"GOGC", "GOMAXPROCS",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRoutes: whoever is asked for a path is the function made for it, payload 2.0, and
// API Gateway waits longer than the function may take.
func TestRoutes(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	routes, names := map[string]string{}, []string{}
	for name, r := range tpl.Resources {
		if r.Type != "AWS::ApiGatewayV2::Route" {
			continue
		}
		names = append(names, name)
		integration := strings.Trim(strings.TrimPrefix(short(r.Properties["Target"]), "Sub integrations/"), "${}")
		i := tpl.Resources[integration].Properties
		uri := short(i["IntegrationUri"])
		routes[short(r.Properties["RouteKey"])] = uri
		f := tpl.Resources[strings.TrimSuffix(strings.TrimPrefix(uri, "Ref "), "Aliaslive")].Properties
		if wait, limit := at[float64](t, i, "TimeoutInMillis"), at[float64](t, f, "Timeout")*1000; wait <= limit || wait > 30000 {
			t.Errorf("%s waits %v ms for a function of %v ms", integration, wait, limit)
		}
		if short(i["PayloadFormatVersion"]) != "2.0" || short(i["IntegrationType"]) != "AWS_PROXY" {
			t.Errorf("%s: %v", integration, i)
		}
	}
	want := map[string]string{
		"POST /voice": "Ref VoiceFunctionAliaslive", "POST /status": "Ref StatusFunctionAliaslive", "POST /amd": "Ref StatusFunctionAliaslive",
		"GET /tools": "Ref ToolsFunctionAliaslive", "POST /mcp": "Ref ToolsFunctionAliaslive",
		"GET /calls": "Ref CallsFunctionAliaslive", "GET /calls/{id}": "Ref CallsFunctionAliaslive", "DELETE /calls/{id}": "Ref CallsFunctionAliaslive",
		"GET /calls/{id}/events": "Ref CallsFunctionAliaslive", "GET /calls/{id}/recording": "Ref CallsFunctionAliaslive",
		"GET /console": "Ref CallsFunctionAliaslive", "GET /console/{part}": "Ref CallsFunctionAliaslive",
		"GET /openapi.json":    "Ref ToolsFunctionAliaslive",
		"POST /tools/{proxy+}": "Ref ToolsFunctionAliaslive",
		"GET /healthz":         "Ref ToolsFunctionAliaslive", "GET /readyz": "Ref ToolsFunctionAliaslive",
	}
	if !maps.Equal(routes, want) {
		t.Errorf("routes are %q, want %q", routes, want)
	}
	stage := tpl.Resources["Stage"]
	if short(stage.Properties["StageName"]) != "$default" {
		t.Error("a named stage would stand in the path that Twilio signs")
	}
	for key := range at[object](t, stage.Properties, "RouteSettings") {
		if want[key] == "" {
			t.Errorf("a throttle for %q, which is no route", key)
		}
	}
	slices.Sort(names)
	if !slices.Equal(slices.Sorted(slices.Values(stage.DependsOn)), names) {
		t.Errorf("the stage's settings name routes, and it depends on %q of %q", stage.DependsOn, names)
	}
}

func TestEveryCallerOfAFunctionIsOurApi(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	allowed := map[string]bool{}
	for name, r := range tpl.Resources {
		if r.Type != "AWS::Lambda::Permission" {
			continue
		}
		p := r.Properties
		if p["Principal"] != "apigateway.amazonaws.com" || !strings.Contains(short(p["SourceArn"]), ":${Api}/") {
			t.Errorf("%s: %v", name, p)
		}
		allowed[short(p["FunctionName"])] = true
	}
	for _, r := range tpl.Resources {
		if r.Type == "AWS::ApiGatewayV2::Integration" && !allowed[short(r.Properties["IntegrationUri"])] {
			t.Errorf("nobody allows the API to invoke %s", short(r.Properties["IntegrationUri"]))
		}
	}
}

// TestAccessLogHoldsNothingPrivate (contract section 5): no query, which holds call ids, no
// header, which holds tokens, no address.
func TestAccessLogHoldsNothingPrivate(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	format := at[string](t, tpl.Resources["Stage"].Properties, "AccessLogSettings", "Format")
	var line map[string]string
	if err := json.Unmarshal([]byte(format), &line); err != nil || strings.Contains(format, "\n") {
		t.Fatalf("not one line of JSON: %v: %s", err, format)
	}
	harmless := []string{
		"requestId", "requestTimeEpoch", "routeKey", "status", "responseLength", "responseLatency", "integrationLatency",
		"integrationStatus", "error.responseType",
	}
	for _, variable := range regexp.MustCompile(`\$context\.([A-Za-z.]+)`).FindAllStringSubmatch(format, -1) {
		if !slices.Contains(harmless, variable[1]) {
			t.Errorf("%s is logged", variable[1])
		}
	}
}

// TestTableIsTheStoresOwn: what the store's tests run on is what is deployed.
func TestTableIsTheStoresOwn(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	table := tpl.Resources["Table"]
	want := dynamo.Table("x")
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var store object
	if err := json.Unmarshal(text, &store); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AttributeDefinitions", "KeySchema", "BillingMode"} {
		if got, want := short(table.Properties[name]), short(store[name]); got != want {
			t.Errorf("%s is %s, the store's %s", name, got, want)
		}
	}
	indexes, ours := at[[]any](t, table.Properties, "GlobalSecondaryIndexes"), at[[]any](t, store, "GlobalSecondaryIndexes")
	if len(indexes) != len(ours) {
		t.Errorf("%d indexes, the store's %d", len(indexes), len(ours))
	}
	for i := range min(len(indexes), len(ours)) {
		for _, path := range [][]any{{"IndexName"}, {"KeySchema"}, {"Projection", "ProjectionType"}} {
			if got, want := short(at[any](t, indexes[i], path...)), short(at[any](t, ours[i], path...)); got != want {
				t.Errorf("index %d: %v is %s, the store's %s", i, path, got, want)
			}
		}
		more := short(at[object](t, indexes[i], "Projection")["NonKeyAttributes"])
		if want := short(at[object](t, ours[i], "Projection")["NonKeyAttributes"]); more != want {
			t.Errorf("index %d holds %s beside its keys, the store's %s", i, more, want)
		}
	}
	for what, got := range map[string][2]any{
		"stream":            {at[any](t, table.Properties, "StreamSpecification", "StreamViewType"), at[any](t, store, "StreamSpecification", "StreamViewType")},
		"ttl":               {at[any](t, table.Properties, "TimeToLiveSpecification", "AttributeName"), dynamo.AttrTTL},
		"ttl is on":         {at[any](t, table.Properties, "TimeToLiveSpecification", "Enabled"), true},
		"backups":           {at[any](t, table.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), true},
		"encryption":        {at[any](t, table.Properties, "SSESpecification", "SSEEnabled"), true},
		"deletion":          {table.Properties["DeletionProtectionEnabled"], true},
		"without its stack": {table.Attributes["DeletionPolicy"], "Retain"},
		"when replaced":     {table.Attributes["UpdateReplacePolicy"], "Retain"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
}

func TestOutboxWakesNotify(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	p := at[object](t, tpl.Resources["NotifyFunction"].Properties, "Events", "Outbox", "Properties")
	want := fmt.Sprintf(`{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":%q}]}}}}`, dynamo.OutboxPrefix)
	if got := at[string](t, p, "FilterCriteria", "Filters", 0, "Pattern"); got != want {
		t.Errorf("filter %s, want %s", got, want)
	}
	for name, want := range map[string]string{
		"Stream": "GetAtt Table.StreamArn", "FunctionResponseTypes": `["ReportBatchItemFailures"]`, "BisectBatchOnFunctionError": "true",
	} {
		if got := short(p[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestNothingAsynchronousIsLost: whatever is not answered to somebody has dead letters,
// encrypted, kept for as long as SQS keeps them, and an alarm.
func TestNothingAsynchronousIsLost(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	for what, got := range map[string][2]string{
		"retry, invoked by schedules": {short(at[any](t, tpl.Resources["RetryFunction"].Properties, "EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination")), "GetAtt RetryDeadLetters.Arn"},
		"notify, fed by the stream":   {short(at[any](t, tpl.Resources["NotifyFunction"].Properties, "Events", "Outbox", "Properties", "DestinationConfig", "OnFailure", "Destination")), "GetAtt NotifyDeadLetters.Arn"},
		"the sweep":                   {short(at[any](t, tpl.Resources["Sweep"].Properties, "Target", "DeadLetterConfig", "Arn")), "GetAtt RetryDeadLetters.Arn"},
		"one-time schedules":          {short(at[any](t, tpl.Globals.Function, "Environment", "Variables", "CALLAGENT_SCHEDULE_DLQ")), "GetAtt RetryDeadLetters.Arn"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", what, got[0], got[1])
		}
	}
	for _, queue := range []string{"Retry", "Notify"} {
		p := tpl.Resources[queue+"DeadLetters"].Properties
		if p["SqsManagedSseEnabled"] != true || p["MessageRetentionPeriod"] != 14*24*60*60.0 {
			t.Errorf("%s: %v", queue, p)
		}
		if got := short(at[any](t, tpl.Resources[queue+"Dead"].Properties, "Dimensions", 0, "Value")); got != "GetAtt "+queue+"DeadLetters.QueueName" {
			t.Errorf("the alarm on %s's dead letters looks at %s", queue, got)
		}
	}
}

func TestSweepComesEveryMinute(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	p := tpl.Resources["Sweep"].Properties
	for name, got := range map[string][2]string{
		"when":  {short(p["ScheduleExpression"]), "rate(1 minute)"},
		"what":  {short(at[any](t, p, "Target", "Input")), `{"v":1,"sweep":true}`},
		"whom":  {short(at[any](t, p, "Target", "Arn")), "Ref RetryFunctionAliaslive"},
		"as":    {short(at[any](t, p, "Target", "RoleArn")), "GetAtt ScheduleRole.Arn"},
		"group": {short(p["GroupName"]), "Ref ScheduleGroup"},
		"missed, says an alarm that breaches on silence": {short(tpl.Resources["SweepMissing"].Properties["TreatMissingData"]), "breaching"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", name, got[0], got[1])
		}
	}
}

// TestWhatCostsOrNeedsMoreIsOff: the first deployment needs no parameter.
// TestWhatIsKeptOfCallsIsPrivateAndGoes: encrypted, closed to the public, by TLS alone, gone
// after a time, and gone for good: without versions.
func TestWhatIsKeptOfCallsIsPrivateAndGoes(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	b := tpl.Resources["ArchiveBucket"]
	for what, got := range map[string][2]any{
		"kind":              {b.Type, "AWS::S3::Bucket"},
		"encryption":        {at[any](t, b.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm"), "AES256"},
		"owner":             {at[any](t, b.Properties, "OwnershipControls", "Rules", 0, "ObjectOwnership"), "BucketOwnerEnforced"},
		"the public":        {short(b.Properties["PublicAccessBlockConfiguration"]), `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`},
		"expiry":            {short(at[any](t, b.Properties, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")), "Ref RetentionDays"},
		"expiry is on":      {at[any](t, b.Properties, "LifecycleConfiguration", "Rules", 0, "Status"), "Enabled"},
		"rules":             {len(at[[]any](t, b.Properties, "LifecycleConfiguration", "Rules")), 1},
		"versions":          {b.Properties["VersioningConfiguration"], nil},
		"name":              {b.Properties["BucketName"], nil}, // names are the world's: AWS makes one that is free
		"without its stack": {b.Attributes["DeletionPolicy"], "Retain"},
		"when replaced":     {b.Attributes["UpdateReplacePolicy"], "Retain"},
		"default":           {tpl.Parameters["RetentionDays"].Default, 30.0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	if filter := at[object](t, b.Properties, "LifecycleConfiguration", "Rules", 0)["Prefix"]; filter != nil {
		t.Errorf("only %v expires", filter)
	}
	p := tpl.Resources["ArchivePolicy"].Properties
	s := at[object](t, p, "PolicyDocument", "Statement", 0)
	if got, want := short(p["Bucket"])+" "+short(s["Effect"])+" "+short(s["Principal"])+" "+short(s["Action"])+" "+short(s["Condition"]), `Ref ArchiveBucket Deny * s3:* {"Bool":{"aws:SecureTransport":"false"}}`; got != want {
		t.Errorf("the policy is %s, want %s", got, want)
	}
	if got := short(many(s["Resource"])[0]) + " " + short(many(s["Resource"])[1]); got != "GetAtt ArchiveBucket.Arn Sub ${ArchiveBucket.Arn}/*" {
		t.Errorf("the policy is about %s", got)
	}
	for name, f := range functions {
		variables, _ := tpl.Resources[f.logical+"Function"].Properties["Environment"].(object)
		if got, want := short(variables), `{"Variables":{"CALLAGENT_ARCHIVE_BUCKET":{"Ref":"ArchiveBucket"}}}`; (got == want) != (name == "calls") {
			t.Errorf("%s has %s", name, got)
		}
	}
	host := short(readTemplate(t, "infra/media-host.yaml").Resources["Host"].Properties["UserData"])
	if !strings.Contains(host, "CALLAGENT_ARCHIVE_BUCKET=${ArchiveBucket}") || !strings.Contains(host, "${ControlPlaneStack}-ArchiveBucket") {
		t.Error("a media host is not told of it")
	}
}

func TestWhatCostsOrNeedsMoreIsOff(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	for name, p := range tpl.Parameters {
		if p.Default == nil || p.Description == "" {
			t.Errorf("%s: default %v, description %q", name, p.Default, p.Description)
		}
	}
	for name, want := range map[string]any{"Canary": "false", "ReservedConcurrency": 0.0, "DomainName": "", "ConfigKeyArn": "", "AlarmEmail": "", "Architecture": "arm64"} {
		if got := tpl.Parameters[name].Default; got != want {
			t.Errorf("%s is %v by default, want %v", name, got, want)
		}
	}
	for _, name := range []string{"CustomDomain", "CustomDomainMapping"} {
		if tpl.Resources[name].Condition != "HasDomain" {
			t.Errorf("%s is there without a domain", name)
		}
	}
	for _, name := range []string{"ToolUrl", "VoiceUrl", "StatusUrl", "TableName", "ArchiveBucket", "ParameterName", "MediaHostPolicyArn"} {
		if tpl.Outputs[name]["Value"] == nil {
			t.Errorf("no output %s", name)
		}
	}
}
