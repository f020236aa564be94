package lambdalocal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func invoke(t *testing.T, r *Runner, event string) string {
	t.Helper()
	out, err := r.Invoke(t.Context(), "obey", []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestAFunctionHasItsEnvironmentAndNothingOfOurs(t *testing.T) {
	t.Setenv("OF_THE_RUNNER", "secret")
	r := start(t, nil)
	var all []string
	if err := json.Unmarshal([]byte(invoke(t, r, `{"do":"environment"}`)), &all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"BASE=" + r.URL(), "TABLE=the-table", "TINT=not red but green", "AWS_LAMBDA_FUNCTION_NAME=callagent-obey",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_ENDPOINT_URL_SSM=" + r.Services(),
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%q is missing in %q", want, all)
		}
	}
	for _, has := range all {
		if strings.HasPrefix(has, "OF_THE_RUNNER=") || strings.HasPrefix(has, "ABSENT=") {
			t.Errorf("it has %q", has)
		}
	}
}

func TestAnInstanceIsUsedAgain(t *testing.T) {
	r := start(t, nil)
	for _, want := range []string{"1", "2", "3"} {
		if got := invoke(t, r, `{"do":"count"}`); got != want {
			t.Fatalf("invocation %s of its process, want %s", got, want)
		}
	}
}

// An instance carries one event at a time; beyond the limit events are throttled.
func TestInstancesWorkAtOnceUpToTheLimit(t *testing.T) {
	r := start(t, func(o *Options) { o.Concurrency = 2 })
	held := filepath.Join(t.TempDir(), "go")
	event, _ := json.Marshal(order{Do: "hold", File: held})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if out, err := r.Invoke(t.Context(), "obey", event); err != nil || string(out) != `"held"` {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
	eventually(t, "two instances at work", func() bool {
		f := r.functions["obey"]
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.all) == 2
	})
	if _, err := r.Invoke(t.Context(), "obey", []byte(`{}`)); !errors.Is(err, ErrThrottled) {
		t.Errorf("a third one: %v", err)
	}
	if err := os.WriteFile(held, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	both.Wait()
	if got := invoke(t, r, `{"do":"count"}`); got != "2" {
		t.Errorf("afterwards invocation %s of its process, want the second", got)
	}
}

func TestWhatAFunctionDoesWrong(t *testing.T) {
	var said bytes.Buffer
	r := start(t, func(o *Options) { o.Output = &said })
	for _, x := range []struct {
		do   string
		want func(*FunctionError) bool
		next string // which invocation of its process the next one is
	}{
		{"fail", func(e *FunctionError) bool { return strings.Contains(string(e.Payload), "as told") }, "2"},
		{"crash", func(e *FunctionError) bool { return e.Crashed }, "1"},
		{"hang", func(e *FunctionError) bool { return e.TimedOut }, "1"},
		{"large", func(e *FunctionError) bool { return strings.Contains(string(e.Payload), "ResponseSizeTooLarge") }, "1"}, // the runtime's client ends over it
	} {
		r.Kill()
		_, err := r.Invoke(t.Context(), "obey", []byte(`{"do":"`+x.do+`"}`))
		if failed, ok := errors.AsType[*FunctionError](err); !ok || !x.want(failed) || failed.Error() == "" {
			t.Errorf("%s: %v", x.do, err)
		}
		if got := invoke(t, r, `{"do":"count"}`); got != x.next {
			t.Errorf("after %s: invocation %s of its process, want %s", x.do, got, x.next)
		}
	}
	r.printing.Lock()
	defer r.printing.Unlock()
	if !strings.Contains(said.String(), "obey    about to crash\n") {
		t.Errorf("it printed %q", said.String())
	}
}

func TestNobodyWaitsForeverForAnInstance(t *testing.T) {
	r := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Invoke(ctx, "obey", []byte(`{}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	if _, err := r.Invoke(t.Context(), "nobody", nil); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("a function that is not there: %v", err)
	}
}

// A killed host takes its instances with it, and those that come after it are new.
func TestKillLeavesNothing(t *testing.T) {
	r := start(t, nil)
	invoke(t, r, `{"do":"count"}`)
	f := r.functions["obey"]
	f.mu.Lock()
	process := f.free[0].cmd.Process.Pid
	f.mu.Unlock()
	r.Kill()
	eventually(t, "the process is gone", func() bool { return errors.Is(syscall.Kill(process, 0), syscall.ESRCH) })
	if got := invoke(t, r, `{"do":"count"}`); got != "1" {
		t.Errorf("invocation %s of its process", got)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Invoke(t.Context(), "obey", []byte(`{}`)); err == nil {
		t.Error("a closed runner invokes")
	}
}

func TestAMissingBinaryIsSaid(t *testing.T) {
	r := start(t, func(o *Options) { o.Dist = t.TempDir() })
	if _, err := r.Invoke(t.Context(), "obey", []byte(`{}`)); err == nil || !strings.Contains(err.Error(), "make lambdas") {
		t.Errorf("%v", err)
	}
	if got := r.Functions()["obey"]; !strings.HasSuffix(got, "/obey/bootstrap") {
		t.Errorf("its binary is at %q", got)
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	for what, o := range map[string]Options{
		"no template": {Template: "testdata/none.yaml"},
		"an address":  {Template: "testdata/template.yaml", Listen: "300.1.1.1:0"},
		"another":     {Template: "testdata/template.yaml", Services: "300.1.1.1:0"},
	} {
		if r, err := Start(t.Context(), o); err == nil {
			t.Errorf("%s: it started", what)
			_ = r.Close()
		}
	}
}
