package calendarbridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxFeedBytes bounds what is read from a URL (contract section 5: no client reads more than 1 MiB).
const maxFeedBytes = 1 << 20

// source is one subscription. It keeps the last copy it could read and says when that is too old to trust.
type source struct {
	label string // stands in errors and logs: host or file name, since the path of a private feed is its password
	where string
	isURL bool
	opts  Options
	http  *http.Client

	mu     sync.Mutex // held while reading, so that simultaneous requests read once
	copy   *calendar
	readAt time.Time // when copy was read
	tried  time.Time // when reading was last tried
}

func newSource(index int, where string, o Options) (*source, error) {
	s := &source{where: where, opts: o, label: fmt.Sprintf("subscription %d (%s)", index+1, filepath.Base(where))}
	if rest, found := strings.CutPrefix(where, "webcal://"); found {
		s.where = "https://" + rest
	}
	if !strings.Contains(s.where, "://") {
		return s, nil
	}
	s.label = fmt.Sprintf("subscription %d", index+1)
	u, err := url.Parse(s.where)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%s is not a URL; write https://… or the path of an .ics file", s.label)
	}
	s.label = fmt.Sprintf("subscription %d (%s)", index+1, u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%s is not https; only a loopback host may be read over http", s.label)
	}
	s.isURL = true
	transport := o.Transport
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	s.http = &http.Client{Transport: transport, Timeout: o.FetchTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return s, nil
}

func (s *source) close() {
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// calendar returns the subscription's events: a copy younger than RefreshAfter, or a new one, or, if reading fails, a
// copy younger than MaxAge. Otherwise the error is an unavailable.
func (s *source) calendar(ctx context.Context) (*calendar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	usable := s.copy != nil && now.Sub(s.readAt) <= s.opts.MaxAge && !now.Before(s.readAt)
	if usable && now.Sub(s.tried) < s.opts.RefreshAfter {
		return s.copy, nil
	}
	s.tried = now
	fresh, err := s.read(ctx)
	if err == nil {
		s.copy, s.readAt = fresh, now
		return fresh, nil
	}
	s.opts.Logger.Warn("subscribed calendar cannot be read", "source", s.label, "cause", err, "stale_copy", usable)
	if usable {
		return s.copy, nil
	}
	return nil, unavailable{source: s.label, cause: err}
}

func (s *source) read(ctx context.Context) (*calendar, error) {
	data, err := s.bytes(ctx)
	if err != nil {
		return nil, err
	}
	return parseCalendar(data, s.opts.Location)
}

func (s *source) bytes(ctx context.Context) ([]byte, error) {
	if !s.isURL {
		data, err := readFile(s.where)
		return data, tidyPathError(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.where, nil)
	if err != nil {
		return nil, errors.New("its URL is malformed; mend it")
	}
	req.Header.Set("Accept", "text/calendar")
	res, err := s.http.Do(req)
	if err != nil {
		return nil, tidyURLError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %d (redirects are not followed; subscribe to the final address)", res.StatusCode)
	}
	data, err := readLimited(res.Body, maxFeedBytes)
	return data, tidyURLError(err)
}

// tidyURLError drops the URL, whose path or query is often the only secret of a private feed.
func tidyURLError(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return errors.New("it did not answer in time")
	}
	return u.Err
}
