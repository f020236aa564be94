package callagent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What each role may do, one statement a line: actions, resource, and the leading keys of
// the items (or other conditions) it is bound to.
const (
	ownLog      = "logs:CreateLogStream logs:PutLogEvents on GetAtt {Function}Log.Arn"
	config      = "ssm:GetParameter on Sub arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${ConfigParameter}"
	configKey   = "kms:Decrypt on Ref ConfigKeyArn where the parameter asks, through SSM"
	readCalls   = "dynamodb:GetItem on GetAtt Table.Arn of CALL#*"
	readHosts   = "dynamodb:BatchGetItem on GetAtt Table.Arn of HOST#*"
	updateCalls = "dynamodb:UpdateItem on GetAtt Table.Arn of CALL#* QUOTA#*"
	putCalls    = "dynamodb:PutItem on GetAtt Table.Arn of CALL#* SID#*"
	release     = "dynamodb:DeleteItem on GetAtt Table.Arn of LOCK#*"
	schedule    = "scheduler:CreateSchedule on Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/*"
	keep        = "s3:PutObject on Sub ${ArchiveBucket.Arn}/calls/*"
	readKept    = "s3:GetObject s3:DeleteObject on Sub ${ArchiveBucket.Arn}/calls/*"
	passRole    = "iam:PassRole on GetAtt ScheduleRole.Arn to scheduler.amazonaws.com"
)

var allowed = map[string][]string{
	"VoiceRole":  {ownLog, config, configKey, readCalls, readHosts, updateCalls, putCalls, release},
	"StatusRole": {ownLog, config, configKey, readCalls, updateCalls, putCalls, release, schedule, passRole},
	"ToolsRole": {
		ownLog, config, configKey, "dynamodb:GetItem on GetAtt Table.Arn of CALL#* IDEM#* LOCK#*", readHosts, updateCalls,
		"dynamodb:PutItem on GetAtt Table.Arn of CALL#* SID#* IDEM#* LOCK#*", release, schedule, passRole,
	},
	"CallsRole": {
		ownLog, config, configKey, readCalls, "dynamodb:BatchGetItem on GetAtt Table.Arn of CALL#*", "dynamodb:DeleteItem on GetAtt Table.Arn of CALL#* SID#* IDEM#*",
		"dynamodb:Query on Sub ${Table.Arn}/index/list Sub ${Table.Arn}/index/owner Sub ${Table.Arn}/index/status Sub ${Table.Arn}/index/outcome Sub ${Table.Arn}/index/callee",
		readKept, "s3:ListBucket on GetAtt ArchiveBucket.Arn",
	},
	"RetryRole": {
		ownLog, config, configKey, readCalls, readHosts, updateCalls, putCalls, release, schedule, passRole,
		"dynamodb:Query on Sub ${Table.Arn}/index/due", "sqs:SendMessage on GetAtt RetryDeadLetters.Arn",
	},
	"NotifyRole": {
		ownLog, config, configKey, readCalls, "dynamodb:UpdateItem on GetAtt Table.Arn of CALL#*",
		"dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams on GetAtt Table.StreamArn",
		"sqs:SendMessage on GetAtt NotifyDeadLetters.Arn",
	},
	"ScheduleRole": {
		"lambda:InvokeFunction on Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-retry:live",
		"sqs:SendMessage on GetAtt RetryDeadLetters.Arn",
	},
	"MediaHostPolicy": {config, configKey, readCalls, updateCalls, putCalls, release, "dynamodb:PutItem on GetAtt Table.Arn of HOST#*", keep},
}

// wide are the resources that end in a star, and why.
var wide = map[string]string{
	schedule: "schedules are named after calls; the group is ours",
	keep:     "objects are named after calls; the bucket is ours",
	readKept: "objects are named after calls; the bucket is ours",
}

func TestRolesAllowWhatTheirUseCasesNeedAndNoMore(t *testing.T) {
	tpl := readTemplate(t, "template.yaml")
	for name, lines := range allowed {
		var want, got []string
		for _, s := range lines {
			want = append(want, strings.ReplaceAll(s, "{Function}", strings.TrimSuffix(name, "Role")))
		}
		for _, s := range statements(t, tpl.Resources[name]) {
			got = append(got, describe(t, s))
		}
		for _, s := range want {
			if !slices.Contains(got, s) {
				t.Errorf("%s lacks: %s", name, s)
			}
		}
		for _, s := range got {
			if !slices.Contains(want, s) {
				t.Errorf("%s may also: %s", name, s)
			}
		}
	}
}

// TestNoStatementIsWide holds every policy of every template, so that one that is added is
// held too.
func TestNoStatementIsWide(t *testing.T) {
	for _, path := range []string{"template.yaml", "infra/media-host.yaml"} {
		found := 0
		for name, r := range readTemplate(t, path).Resources {
			for _, s := range statements(t, r) {
				found++
				words := describe(t, s)
				for _, a := range many(s["Action"]) {
					if strings.Contains(short(a), "*") {
						t.Errorf("%s %s: any action: %s", path, name, words)
					}
				}
				for _, on := range many(s["Resource"]) {
					if strings.HasSuffix(short(on), "*") && wide[words] == "" {
						t.Errorf("%s %s: any resource: %s", path, name, words)
					}
				}
				if s["Effect"] != "Allow" || s["Resource"] == nil || s["NotAction"] != nil || s["NotResource"] != nil {
					t.Errorf("%s %s: %v", path, name, s)
				}
				if item := strings.Contains(words, "Item on "); item && !strings.Contains(words, " of ") {
					t.Errorf("%s %s: any item: %s", path, name, words)
				}
			}
			if r.Type == "AWS::IAM::Role" && path == "template.yaml" && r.Properties["ManagedPolicyArns"] != nil {
				t.Errorf("%s %s: policies that are not by hand", path, name)
			}
		}
		if found == 0 {
			t.Errorf("%s has no statement", path)
		}
	}
}

func TestRolesAreTakenByTheirServiceAlone(t *testing.T) {
	for path, services := range map[string]map[string]string{
		"template.yaml": {
			"VoiceRole": "lambda", "StatusRole": "lambda", "ToolsRole": "lambda", "CallsRole": "lambda", "RetryRole": "lambda", "NotifyRole": "lambda", "ScheduleRole": "scheduler",
		},
		"infra/media-host.yaml": {"Role": "ec2"},
	} {
		for name, r := range readTemplate(t, path).Resources {
			if r.Type != "AWS::IAM::Role" {
				continue
			}
			trust := at[object](t, r.Properties, "AssumeRolePolicyDocument", "Statement", 0)
			if got, want := short(trust["Principal"]), fmt.Sprintf(`{"Service":"%s.amazonaws.com"}`, services[name]); got != want && got != "Service "+services[name]+".amazonaws.com" {
				t.Errorf("%s %s trusts %s, want %s", path, name, got, want)
			}
		}
	}
	trust := at[object](t, readTemplate(t, "template.yaml").Resources["ScheduleRole"].Properties, "AssumeRolePolicyDocument", "Statement", 0, "Condition", "StringEquals")
	if got := short(trust["aws:SourceAccount"]); got != "Ref AWS::AccountId" {
		t.Errorf("schedules of the account %s are trusted", got)
	}
	if got := short(trust["aws:SourceArn"]); !strings.HasSuffix(got, ":schedule-group/${AWS::StackName}") {
		t.Errorf("schedules of the group %s are trusted", got)
	}
}

// TestMediaHostIsOpenForCallsAlone: three ports in, no key pair, metadata by token only.
func TestMediaHostIsOpenForCallsAlone(t *testing.T) {
	tpl := readTemplate(t, "infra/media-host.yaml")
	var ports []string
	for _, rule := range at[[]any](t, tpl.Resources["Firewall"].Properties, "SecurityGroupIngress") {
		ports = append(ports, fmt.Sprintf("%v/%v-%v", at[any](t, rule, "IpProtocol"), at[any](t, rule, "FromPort"), at[any](t, rule, "ToPort")))
	}
	slices.Sort(ports)
	if want := []string{"tcp/443-443", "tcp/80-80", "udp/443-443"}; !slices.Equal(ports, want) {
		t.Errorf("open are %q, want %q", ports, want)
	}
	host := tpl.Resources["Host"]
	if host.Condition != "Started" || host.Properties["KeyName"] != nil || at[any](t, host.Properties, "MetadataOptions", "HttpTokens") != "required" ||
		at[any](t, host.Properties, "BlockDeviceMappings", 0, "Ebs", "Encrypted") != true {
		t.Errorf("%+v", host)
	}
	if tpl.Resources["Address"].Condition != "" {
		t.Error("the address must be there before the host, so that its name can point to it")
	}
}

// statements are the policy statements of a role or a managed policy; of a statement
// behind a condition, the one that the condition brings.
func statements(t *testing.T, r resource) (all []object) {
	t.Helper()
	var documents []any
	switch r.Type {
	case "AWS::IAM::Role":
		for _, p := range at[[]any](t, r.Properties, "Policies") {
			documents = append(documents, at[any](t, p, "PolicyDocument"))
		}
	case "AWS::IAM::ManagedPolicy":
		documents = append(documents, r.Properties["PolicyDocument"])
	}
	for _, d := range documents {
		for _, s := range many(at[any](t, d, "Statement")) {
			if branch, ok := s.(object)["Fn::If"]; ok {
				s = at[any](t, branch, 1)
			}
			all = append(all, s.(object)) //nolint:forcetypeassert // a template that has another shape fails the test
		}
	}
	return all
}

// describe is a statement in one line, as in allowed.
func describe(t *testing.T, s object) string {
	t.Helper()
	var actions, resources []string
	for _, a := range many(s["Action"]) {
		actions = append(actions, short(a))
	}
	for _, on := range many(s["Resource"]) {
		resources = append(resources, short(on))
	}
	line := strings.Join(actions, " ") + " on " + strings.Join(resources, " ")
	condition, ok := s["Condition"].(object)
	if !ok {
		return line
	}
	if keys, ok := condition["ForAllValues:StringLike"].(object); ok && len(condition) == 1 {
		var prefixes []string
		for _, k := range many(keys["dynamodb:LeadingKeys"]) {
			prefixes = append(prefixes, short(k))
		}
		return line + " of " + strings.Join(prefixes, " ")
	}
	equal := at[object](t, condition, "StringEquals")
	if to, ok := equal["iam:PassedToService"]; ok {
		return line + " to " + short(to)
	}
	if strings.HasPrefix(short(equal["kms:ViaService"]), "Sub ssm.") && strings.HasSuffix(short(equal["kms:EncryptionContext:PARAMETER_ARN"]), "parameter${ConfigParameter}") {
		return line + " where the parameter asks, through SSM"
	}
	return line + " where " + short(condition)
}
