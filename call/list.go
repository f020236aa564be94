package call

import (
	"context"
	"time"
)

// Query asks for calls, the newest first; zero fields ask for nothing. What is asked for
// together must all hold.
type Query struct {
	// Owner is the token's name whose calls are asked for; empty: everybody's.
	Owner   string
	Status  Status
	Outcome Outcome
	// To is the callee's exact number, in E.164.
	To string
	// From and Until bound the creation: not before From, and before Until.
	From, Until time.Time
	// After goes on behind the place where a page ended.
	After *Place
	// Limit is the most that one page holds.
	Limit int
}

// Place is a place in the order of calls: newest first, and of one instant the highest id first.
type Place struct {
	CreatedAt time.Time
	ID        ID
}

// Place is where the call stands.
func (c Call) Place() Place { return Place{c.CreatedAt, c.ID} }

// Page is a part of the answer to a Query.
type Page struct {
	Calls []Call
	// Next is where to go on; nil at the end. A page may be shorter than its limit, even
	// empty, with more behind it: what a store reads for one page is bounded.
	Next *Place
}

// ListReads bounds how many entries of an index a store reads for one page.
const ListReads = 1000

// Index is one of the orders in which calls are kept for lists.
type Index int

// The indexes: all calls, and those with one value of a field.
const (
	IndexAll Index = iota
	IndexOwner
	IndexStatus
	IndexOutcome
	IndexTo
)

// Indexes lists them all.
func Indexes() []Index { return []Index{IndexAll, IndexOwner, IndexStatus, IndexOutcome, IndexTo} }

// Under is the value under which the index has the call.
func (i Index) Under(c Call) string {
	switch i {
	case IndexOwner:
		return c.Owner
	case IndexStatus:
		return string(c.Status)
	case IndexOutcome:
		return string(c.Outcome)
	case IndexTo:
		return c.Request.To
	case IndexAll:
	}
	return ""
}

// Best is the index that has fewest calls for the query, and the value to look under: a
// number has few calls, and of calls that are under way there are few; most are completed.
func (q Query) Best() (Index, string) {
	switch {
	case q.To != "":
		return IndexTo, q.To
	case q.Status != "" && !q.Status.Terminal():
		return IndexStatus, string(q.Status)
	case q.Outcome == Pending || q.Outcome == Unconfirmed:
		return IndexOutcome, string(q.Outcome)
	case q.Owner != "":
		return IndexOwner, q.Owner
	case q.Status != "" && q.Status != Completed:
		return IndexStatus, string(q.Status)
	case q.Outcome != "":
		return IndexOutcome, string(q.Outcome)
	case q.Status != "":
		return IndexStatus, string(q.Status)
	}
	return IndexAll, ""
}

// Matches says whether the call is asked for, wherever it stands.
func (q Query) Matches(c Call) bool {
	return (q.Owner == "" || q.Owner == c.Owner) &&
		(q.Status == "" || q.Status == c.Status) &&
		(q.Outcome == "" || q.Outcome == c.Outcome) &&
		(q.To == "" || q.To == c.Request.To) &&
		(q.From.IsZero() || !c.CreatedAt.Before(q.From)) &&
		(q.Until.IsZero() || c.CreatedAt.Before(q.Until))
}

// List returns a page of calls: those of the owner, or all where it may read all.
func (s *Service) List(ctx context.Context, owner string, readAll bool, q Query) (Page, error) {
	if !readAll {
		q.Owner = owner
	}
	p, err := s.Store.List(ctx, q)
	if err != nil {
		return Page{}, s.unavailable(ctx, err)
	}
	return p, nil
}

// Outcomes lists every outcome.
func Outcomes() []Outcome { return []Outcome{Pending, Booked, NotBooked, Unconfirmed} }
