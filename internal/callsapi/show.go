package callsapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// callAnswer is the answer of GET /calls/{id}. What callee and model said in it is
// untrusted: text, wherever it is shown.
type callAnswer struct {
	OK         bool                `json:"ok"`
	Call       call.Document       `json:"call"`
	Steps      []call.StepDocument `json:"steps"`
	Timelines  []call.Timeline     `json:"timelines"`
	Recordings []recordingDocument `json:"recordings"`
	Keeps      Keeps               `json:"keeps"`
}

// recordingDocument is a recording that GET /calls/{id}/recording has.
type recordingDocument struct {
	Attempt    int   `json:"attempt"`
	Bytes      int64 `json:"bytes"`
	DurationMS int64 `json:"durationMs"`
}

// show answers GET /calls/{id}.
func (a *API) show(w http.ResponseWriter, r *http.Request) error {
	c, err := a.callOf(r)
	if err != nil {
		return err
	}
	answer := callAnswer{
		OK: true, Call: c.Document(), Steps: c.StepsAfter(0),
		Timelines: []call.Timeline{}, Recordings: []recordingDocument{}, Keeps: a.keeps,
	}
	if a.service.Archive != nil {
		if err := a.kept(r.Context(), c, &answer); err != nil {
			return a.unreadable(r.Context(), c.ID, err)
		}
	}
	access.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// callOf is the call that a path names, if the caller may see it and asks nothing else.
func (a *API) callOf(r *http.Request, parameters ...string) (call.Call, error) {
	who, err := a.CallerWith(r.Header, access.ScopeStatus)
	if err != nil {
		return call.Call{}, err
	}
	if err := ask(r, parameters...).err(); err != nil {
		return call.Call{}, err
	}
	return a.service.Get(r.Context(), who.Name(), who.ReadsAll(), call.ID(r.PathValue("id")))
}

// kept adds what is kept of every attempt.
func (a *API) kept(ctx context.Context, c call.Call, answer *callAnswer) error {
	left := a.mostBytes
	for i := range c.Attempts {
		n := c.Attempts[i].Number
		t, err := a.service.Archive.Timeline(ctx, c.ID, n, 0)
		switch {
		case err == nil:
			answer.Timelines = append(answer.Timelines, a.shortened(t, &left))
		case !errors.Is(err, call.ErrNotFound):
			return err
		}
		rec, err := a.service.Archive.Recording(ctx, c.ID, n)
		switch {
		case err == nil:
			answer.Recordings = append(answer.Recordings, recordingDocument{n, rec.Size, playedMS(rec.Size)})
			if err := rec.Close(); err != nil {
				return err
			}
		case !errors.Is(err, call.ErrNotFound):
			return err
		}
	}
	return nil
}

// shortened is a timeline that fits into what is left of an answer. One that does not is
// marked as not complete: the events with lines=attempt.line go on where it ends.
func (a *API) shortened(t call.Timeline, left *int64) call.Timeline {
	if t.Lines == nil {
		t.Lines = []call.Line{}
	}
	if a.mostBytes == 0 {
		return t
	}
	for i := range t.Lines {
		// JSON stands in JSON in a function's answer, where its quotation marks count twice.
		*left -= int64(len(access.Encode(t.Lines[i]))) * 5 / 4
		if *left < 0 {
			t.Lines, t.Complete = t.Lines[:i], false
			*left = 0
			break
		}
	}
	return t
}

// forgetAnswer is the answer of DELETE /calls/{id}.
type forgetAnswer struct {
	OK     bool    `json:"ok"`
	CallID call.ID `json:"callId"`
}

// forget answers DELETE /calls/{id}.
func (a *API) forget(w http.ResponseWriter, r *http.Request) error {
	who, err := a.CallerWith(r.Header, access.ScopeDelete)
	if err != nil {
		return err
	}
	if err := ask(r).err(); err != nil {
		return err
	}
	id := call.ID(r.PathValue("id"))
	if err := a.service.Forget(r.Context(), who.Name(), who.ReadsAll(), id); err != nil {
		return err
	}
	access.WriteJSON(w, http.StatusOK, forgetAnswer{true, id})
	return nil
}
