package calendarbridge

import "time"

// The answers of contract section 3. Those with ok:true leave error out.
type (
	answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	}
	findAnswer struct {
		OK          bool       `json:"ok"`
		Timezone    string     `json:"timezone"`
		Slots       []slotJSON `json:"slots"`
		WindowStart string     `json:"windowStart"` // the window that was searched: never before now
		WindowEnd   string     `json:"windowEnd"`
	}
	checkAnswer struct {
		OK           bool           `json:"ok"`
		Conflicts    []conflictJSON `json:"conflicts,omitempty"`
		Alternatives []slotJSON     `json:"alternatives,omitempty"`
	}
	createAnswer struct {
		OK         bool   `json:"ok"`
		EventID    string `json:"eventId"`
		CalendarID string `json:"calendarId"`
		Start      string `json:"start"`
		End        string `json:"end"`
		Timezone   string `json:"timezone"`
	}
	takenAnswer struct {
		answer
		Conflicts []conflictJSON `json:"conflicts"`
	}
	slotJSON struct {
		Start string `json:"start"`
		End   string `json:"end"`
	}
	conflictJSON struct {
		Summary string `json:"summary"`
		Start   string `json:"start"`
		End     string `json:"end"`
	}
)

func (s slot) json(loc *time.Location) slotJSON {
	return slotJSON{Start: stamp(s.start, loc), End: stamp(s.end, loc)}
}

// maxConflicts is plenty to decide by.
const maxConflicts = 20

func conflictsJSON(found []interval, loc *time.Location) []conflictJSON {
	out := make([]conflictJSON, 0, min(len(found), maxConflicts))
	for _, c := range found[:min(len(found), maxConflicts)] {
		out = append(out, conflictJSON{Summary: c.summary, Start: stamp(c.start, loc), End: stamp(c.end, loc)})
	}
	return out
}

func stamp(t time.Time, loc *time.Location) string { return t.In(loc).Format(time.RFC3339) }
