package lambdalocal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

var anybody = aws.AnonymousCredentials{}

func TestTheDocumentIsAParameter(t *testing.T) {
	document, failing := []byte(`{"a":1}`), error(nil)
	r := start(t, func(o *Options) { o.Document = func() ([]byte, error) { return document, failing } })
	client := ssm.New(ssm.Options{Region: region, Credentials: anybody, BaseEndpoint: aws.String(r.Services()), RetryMaxAttempts: 1, HTTPClient: brief()})
	ask := &ssm.GetParameterInput{Name: aws.String("/callagent/config"), WithDecryption: aws.Bool(true)}
	out, err := client.GetParameter(t.Context(), ask)
	if err != nil || *out.Parameter.Value != `{"a":1}` || *out.Parameter.Name != "/callagent/config" {
		t.Fatalf("%+v, %v", out, err)
	}
	failing = errors.New("it is gone")
	if _, err := client.GetParameter(t.Context(), ask); !is[*ssmtypes.ParameterNotFound](err) {
		t.Errorf("a missing one: %v", err)
	}
	if _, err := client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: ask.Name}); err == nil {
		t.Error("what is not known is done")
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestOneTimeSchedules(t *testing.T) {
	fates := map[string]Fate{"doubled": {Doubled: true}, "lost": {Lost: true}, "late": {Late: time.Second}}
	recorded := filepath.Join(t.TempDir(), "events")
	r := start(t, func(o *Options) {
		o.Schedule = func(name string) Fate { return fates[name] }
		o.Parameters = map[string]string{"Colour": "blue"}
		o.Template = recordingTemplate(t, recorded)
	})
	client := scheduler.New(scheduler.Options{Region: region, Credentials: anybody, BaseEndpoint: aws.String(r.Services()), RetryMaxAttempts: 1, HTTPClient: brief()})
	make := func(name, arn string, at time.Time) error {
		_, err := client.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
			Name: &name, ScheduleExpression: aws.String(at.UTC().Format("at(2006-01-02T15:04:05)")),
			FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target:             &schedulertypes.Target{Arn: &arn, RoleArn: aws.String("arn:aws:iam::0:role/r"), Input: aws.String(`{"do":"nothing","of":"` + name + `"}`)},
		})
		return err
	}
	obey := functionARN("callagent-obey")
	soon := time.Now().Add(4 * time.Second) // what is asked for until then takes a moment
	for _, name := range []string{"once", "doubled", "lost", "late", "deleted"} {
		if err := make(name, obey+":live", soon); err != nil {
			t.Fatal(err)
		}
	}
	if err := make("once", obey, soon); !is[*schedulertypes.ConflictException](err) {
		t.Errorf("a name taken: %v", err)
	}
	if err := make("past", obey, time.Now().Add(-time.Minute)); !is[*schedulertypes.ValidationException](err) {
		t.Errorf("one in the past: %v", err)
	}
	if err := make("stranger", functionARN("stranger"), soon); !is[*schedulertypes.ValidationException](err) {
		t.Errorf("one of a stranger: %v", err)
	}
	gone := &scheduler.DeleteScheduleInput{Name: aws.String("deleted")}
	if _, err := client.DeleteSchedule(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteSchedule(t.Context(), gone); !is[*schedulertypes.ResourceNotFoundException](err) {
		t.Errorf("one that is gone: %v", err)
	}
	eventually(t, "all have fired", func() bool {
		all := read(recorded)
		return strings.Count(all, `"late"`) == 1 && strings.Count(all, `"doubled"`) == 2 && strings.Count(all, `"once"`) == 1
	})
	all := read(recorded)
	for name, want := range map[string]int{"once": 1, "doubled": 2, "lost": 0, "late": 1, "deleted": 0} {
		if got := strings.Count(all, `"`+name+`"`); got != want {
			t.Errorf("%s fired %d times, want %d", name, got, want)
		}
	}
	if err := make("once", obey, time.Now().Add(time.Hour)); err != nil {
		t.Errorf("a name is free again after its time: %v", err)
	}
}

// An event that nobody waits for is repeated as the template allows, and then given up.
func TestWhatFailsIsRepeatedAndGivenUp(t *testing.T) {
	recorded := filepath.Join(t.TempDir(), "events")
	r := start(t, func(o *Options) { o.Template = recordingTemplate(t, recorded) })
	f := r.functions["obey"]
	f.later(t.Context(), []byte(`{"do":"fail"}`))
	f.later(t.Context(), []byte(`{"do":"nothing"}`))
	if got := strings.Count(read(recorded), `"fail"`); got != 3 || f.letters != 1 {
		t.Errorf("tried %d times, want 3; %d given up", got, f.letters)
	}
}

// recordingTemplate is the test's template whose functions write their events to a file.
func recordingTemplate(t *testing.T, to string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "TABLE: !Ref Table", "TABLE: !Ref Table\n        RECORD: "+to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(file string) string {
	text, _ := os.ReadFile(file) // not there: nothing yet
	return string(text)
}
