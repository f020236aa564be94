package twiliotest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// listParams are the filters of the call list; StartTime and EndTime also end in > or <,
// which stand before the = of the query and so belong to the key.
var listParams = []string{
	"To", "From", "Status", "ParentCallSid", "PageSize", "Page", "PageToken",
	"StartTime", "StartTime>", "StartTime<", "EndTime", "EndTime>", "EndTime<",
}

// page is the shape of every v2010 list.
type page struct {
	Calls           []resource `json:"calls"`
	Start           int        `json:"start"`
	End             int        `json:"end"`
	Page            int        `json:"page"`
	PageSize        int        `json:"page_size"`
	FirstPageURI    string     `json:"first_page_uri"`
	NextPageURI     *string    `json:"next_page_uri"`
	PreviousPageURI *string    `json:"previous_page_uri"`
	URI             string     `json:"uri"`
}

// listCalls answers the newest first, as Twilio does.
func (s *Server) listCalls(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	keep, fault := listFilter(query)
	if fault != nil {
		s.violation("", fault.Code, "list: "+fault.Message)
		writeJSON(w, fault.Status, fault)
		return
	}
	size, number := numberOf(query, "PageSize", 50), numberOf(query, "Page", 0)
	if size < 1 || size > 1000 || number < 0 {
		writeJSON(w, 400, refuse(400, codeUnknownParam, "PageSize is 1 to 1000 and Page not negative"))
		return
	}
	matches := []resource{}
	calls := s.Calls()
	slices.Reverse(calls)
	for _, c := range calls {
		if keep(c) {
			matches = append(matches, c.resource())
		}
	}
	writeJSON(w, http.StatusOK, pageOf(matches, r.URL.Path, query, number, size))
}

func pageOf(matches []resource, path string, query url.Values, number, size int) page {
	first := min(number*size, len(matches))
	last := min(first+size, len(matches))
	address := func(n int) string {
		q := url.Values{}
		for key, values := range query {
			q[key] = values
		}
		q.Set("Page", strconv.Itoa(n))
		q.Set("PageSize", strconv.Itoa(size))
		return path + "?" + q.Encode()
	}
	p := page{
		Calls: matches[first:last], Start: first, End: max(last-1, 0), Page: number, PageSize: size,
		FirstPageURI: address(0), URI: address(number),
	}
	if last < len(matches) {
		next := address(number + 1)
		p.NextPageURI = &next
	}
	if number > 0 {
		previous := address(number - 1)
		p.PreviousPageURI = &previous
	}
	return p
}

func numberOf(query url.Values, name string, otherwise int) int {
	if !query.Has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil {
		return -1
	}
	return n
}

// listFilter compiles the query. A call that has not started yet is filtered by its creation:
// what Twilio does with it is not documented, and a search for a lost create must see it.
func listFilter(query url.Values) (func(*Call) bool, *restError) {
	var filters []func(*Call) bool
	for name, values := range query {
		if !slices.Contains(listParams, name) {
			return nil, refuse(400, codeUnknownParam, "Unknown parameter %s", name)
		}
		value := values[0]
		switch name {
		case "To":
			filters = append(filters, func(c *Call) bool { return c.to == value })
		case "From":
			filters = append(filters, func(c *Call) bool { return c.from == value })
		case "Status":
			filters = append(filters, func(c *Call) bool { return c.Status() == value })
		case "StartTime", "StartTime>", "StartTime<", "EndTime", "EndTime>", "EndTime<":
			filter, err := timeFilter(name, value)
			if err != nil {
				return nil, refuse(400, codeUnknownParam, "%s: %v", name, err)
			}
			filters = append(filters, filter)
		}
	}
	return func(c *Call) bool {
		return !slices.ContainsFunc(filters, func(f func(*Call) bool) bool { return !f(c) })
	}, nil
}

// timeFilter reads a date or an instant; Twilio's > and < mean "or equal".
func timeFilter(name, value string) (func(*Call) bool, error) {
	limit, err := time.Parse(time.RFC3339, value)
	width := time.Second
	if err != nil {
		if limit, err = time.Parse(time.DateOnly, value); err != nil {
			return nil, fmt.Errorf("%q is neither YYYY-MM-DD nor RFC 3339", value)
		}
		width = 24 * time.Hour
	}
	return func(c *Call) bool {
		start, end := c.times()
		at := start
		if name[0] == 'E' {
			at = end
		}
		if at.IsZero() {
			return false
		}
		at = at.Truncate(time.Second)
		switch name[len(name)-1] {
		case '>':
			return !at.Before(limit)
		case '<':
			return !at.After(limit)
		default:
			return !at.Before(limit) && at.Before(limit.Add(width))
		}
	}, nil
}
