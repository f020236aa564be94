package callsapi

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// asked is a request's query, read with every fault named.
type asked struct {
	values map[string]string
	faults map[string]string
}

// ask reads a query that has these parameters only, each at most once.
func ask(r *http.Request, known ...string) *asked {
	a := &asked{values: map[string]string{}, faults: map[string]string{}}
	query, err := url.ParseQuery(r.URL.RawQuery) // what URL.Query drops without a word may be the filter
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			a.faults[name] = "is not a parameter of this path" + listing(known)
		case len(values) > 1:
			a.faults[name] = "must be given once"
		default:
			a.values[name] = values[0]
		}
	}
	if err != nil {
		a.faults["query"] = unread(err)
	}
	return a
}

// unread says why a part of a query cannot be read, without repeating it: it may hold a number.
func unread(err error) string {
	var escape url.EscapeError
	if errors.As(err, &escape) {
		return "must hold a percent sign only before two hexadecimal digits; write %25 for the sign itself, and + as %2B"
	}
	return "must not hold a semicolon, nor more parameters than the path has; write & between parameters, and %3B for a semicolon within one"
}

func listing(known []string) string {
	if len(known) == 0 {
		return "; it has none"
	}
	return "; its parameters are " + strings.Join(known, ", ")
}

// plus is a value in which a plus sign came as a space, as it does where it was not
// written %2B; numbers and instants hold no space.
func (a *asked) plus(name string) string { return strings.ReplaceAll(a.values[name], " ", "+") }

// fault says what is wrong with a parameter.
func (a *asked) fault(name, problem string) { a.faults[name] = problem }

// number reads a whole number from least to most; absent is what it is where it is left out.
func (a *asked) number(name string, absent, least, most int) int {
	text, given := a.values[name]
	if !given {
		return absent
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || text[0] == '+' {
		a.fault(name, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
	return n
}

// one reads a value of a list of words.
func one[S ~string](a *asked, name string, words []S) S {
	text, given := a.values[name]
	if given && !slices.Contains(words, S(text)) {
		var all []string
		for _, w := range words {
			all = append(all, string(w))
		}
		a.fault(name, "must be one of "+strings.Join(all, ", "))
	}
	return S(text)
}

// err is nil where nothing was wrong.
func (a *asked) err() error {
	if len(a.faults) == 0 {
		return nil
	}
	return &call.Error{Code: call.InvalidRequest, Message: "The question has faults; mend each and ask again.", Fields: a.faults}
}

// accepts says whether the client asks for a kind of answer by name.
func accepts(r *http.Request, kind string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if k, _, err := mime.ParseMediaType(part); err == nil && k == kind {
			return true
		}
	}
	return false
}
