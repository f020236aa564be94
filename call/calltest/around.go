package calltest

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Post is one notification as sent.
type Post struct {
	Key  string
	Body string
}

// Notifier keeps what it is given. Set OnSend before use.
type Notifier struct {
	// OnSend, if set, answers Send.
	OnSend func(ctx context.Context, p Post) error

	mu       sync.Mutex
	composed []call.NoticeContent
	posts    []Post
}

// Compose implements [call.Notifier].
func (n *Notifier) Compose(c call.NoticeContent) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.composed = append(n.composed, c)
	return json.Marshal(c)
}

// Send implements [call.Notifier].
func (n *Notifier) Send(ctx context.Context, key string, body []byte) error {
	p := Post{Key: key, Body: string(body)}
	n.mu.Lock()
	n.posts = append(n.posts, p)
	n.mu.Unlock()
	if n.OnSend != nil {
		return n.OnSend(ctx, p)
	}
	return nil
}

// Posts are the notifications sent, delivered or not, in order.
func (n *Notifier) Posts() []Post {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.posts)
}

// Composed are the contents that bodies were made of, in order.
func (n *Notifier) Composed() []call.NoticeContent {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.composed)
}

// Wake is one nudge asked for.
type Wake struct {
	ID call.ID
	At time.Time
}

// Scheduler keeps the nudges; it never nudges. Set Err before use.
type Scheduler struct {
	// Err, if set, is what Wake returns.
	Err error

	mu    sync.Mutex
	wakes []Wake
}

// Wake implements [call.Scheduler].
func (s *Scheduler) Wake(_ context.Context, id call.ID, _ int, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes = append(s.wakes, Wake{id, at})
	return s.Err
}

// Wakes are the nudges asked for, in order.
func (s *Scheduler) Wakes() []Wake {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wakes)
}

// Numbers takes any E.164 number. Set its fields before use.
type Numbers struct {
	// Forbidden are reasons by number, Zones and Countries go by prefix.
	Forbidden map[string]string
	Zones     map[string][]string
	Countries map[string]string
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Inspect implements [call.Numbers]; blanks in the number are forgiven.
func (n *Numbers) Inspect(to string) call.Number {
	to = strings.ReplaceAll(to, " ", "")
	if why := n.Forbidden[to]; why != "" {
		return call.Number{E164: to, Forbidden: why}
	}
	if !e164.MatchString(to) {
		return call.Number{Problem: "must be in E.164, such as +14155550123"}
	}
	known := call.Number{E164: to}
	for prefix, zones := range n.Zones {
		if strings.HasPrefix(to, prefix) {
			known.Zones = zones
		}
	}
	for prefix, country := range n.Countries {
		if strings.HasPrefix(to, prefix) {
			known.Country = country
		}
	}
	return known
}
