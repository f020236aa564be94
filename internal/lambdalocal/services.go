package lambdalocal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// parameter is SSM's GetParameter; the document is the only parameter there is.
func (r *Runner) parameter(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || r.o.Document == nil {
		awsError(w, "UnknownOperationException")
		return
	}
	var asked struct{ Name string }
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<16)).Decode(&asked); err != nil {
		awsError(w, "SerializationException")
		return
	}
	text, err := r.o.Document()
	if err != nil {
		r.o.Log.ErrorContext(req.Context(), "there is no configuration document", "error", err)
		awsError(w, "ParameterNotFound")
		return
	}
	writeJSON(w, map[string]any{"Parameter": map[string]any{"Name": asked.Name, "Type": "SecureString", "Value": string(text), "Version": 1}})
}

// schedules are the one-time schedules of EventBridge Scheduler.
type schedules struct {
	runner *Runner
	mu     sync.Mutex
	all    map[string]bool
}

// mostSchedules bounds them; a further one is refused, as beyond AWS's quota.
const mostSchedules = 10_000

func newSchedules(r *Runner) *schedules { return &schedules{runner: r, all: map[string]bool{}} }

// ServeHTTP creates and deletes schedules.
func (s *schedules) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := req.PathValue("name")
	switch req.Method {
	case http.MethodPost:
		s.create(w, req, name)
	case http.MethodDelete:
		if !s.forget(name) {
			awsError(w, "ResourceNotFoundException")
			return
		}
		writeJSON(w, struct{}{})
	default:
		awsError(w, "UnknownOperationException")
	}
}

func (s *schedules) create(w http.ResponseWriter, req *http.Request, name string) {
	var asked struct {
		ScheduleExpression string
		Target             struct{ Arn, Input string }
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, 1<<16)).Decode(&asked); err != nil {
		awsError(w, "ValidationException")
		return
	}
	at, err := time.Parse("at(2006-01-02T15:04:05)", asked.ScheduleExpression)
	f := s.runner.byARN(asked.Target.Arn)
	if err != nil || f == nil || !at.After(time.Now()) { // AWS refuses what is past, too
		awsError(w, "ValidationException")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all[name]:
		awsError(w, "ConflictException")
		return
	case len(s.all) >= mostSchedules:
		awsError(w, "ServiceQuotaExceededException")
		return
	}
	s.all[name] = true
	s.runner.work.Go(func() { s.fire(name, f, at, []byte(asked.Target.Input)) })
	writeJSON(w, map[string]string{"ScheduleArn": "arn:aws:scheduler:" + region + ":" + account + ":schedule/local/" + name})
}

func (s *schedules) forget(name string) (known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known = s.all[name]
	delete(s.all, name)
	return known
}

// fire waits for a schedule's time, and deletes it afterwards (ActionAfterCompletion).
func (s *schedules) fire(name string, f *function, at time.Time, input []byte) {
	fate := Fate{}
	if s.runner.o.Schedule != nil {
		fate = s.runner.o.Schedule(name)
	}
	timer := time.NewTimer(time.Until(at) + fate.Late)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.runner.ctx.Done():
		return
	}
	if !s.forget(name) || fate.Lost {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { f.later(s.runner.ctx, input) })
	if fate.Doubled {
		both.Go(func() { f.later(s.runner.ctx, input) })
	}
	both.Wait()
}

// recurringSpec is a schedule that recurs.
type recurringSpec struct {
	every    time.Duration
	function string
	input    []byte
}

func (r *Runner) recur(s recurringSpec) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.functions[s.function].later(r.ctx, s.input)
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *Runner) byARN(arn string) *function {
	for _, f := range r.functions {
		if arn == functionARN(f.spec.name) || arn == functionARN(f.spec.name)+":live" {
			return f
		}
	}
	return nil
}

func functionARN(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", region, account, name)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// awsError answers as AWS does: the type in header and body.
func awsError(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	status := http.StatusBadRequest
	if kind == "ConflictException" {
		status = http.StatusConflict
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "Message": kind}) // the client has gone
}
