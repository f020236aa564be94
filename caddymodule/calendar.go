package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
)

// calendarTokenEnv holds the bridge's bearer token: the variable that the call agent reads, too.
const calendarTokenEnv = "CALLAGENT_CALENDAR_TOKEN"

// calendarFlags are how `callagent calendar` is called.
type calendarFlags struct {
	dir, listen, zone string
	subscribe         []string
}

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "calendar",
		Usage: "--dir <path> [--listen 127.0.0.1:9100] [--timezone <IANA>] [--subscribe <file or URL>]…",
		Short: "Serves a calendar bridge over .ics files",
		Long: "Serves the three endpoints of the calendar bridge over one .ics file per calendar in --dir, and each file at\n" +
			"/calendar/<calendarId>.ics, to which any calendar program can subscribe. Busy times come also from --subscribe.\n" +
			"The bearer token is read from " + calendarTokenEnv + "; without one, only loopback addresses are served.",
		CobraFunc: func(c *cobra.Command) {
			var f calendarFlags
			c.Flags().StringVar(&f.dir, "dir", "", "folder of the .ics files (required)")
			c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9100", "address to listen on")
			c.Flags().StringVar(&f.zone, "timezone", "", "zone of all-day events and floating times; default this machine's")
			c.Flags().StringArrayVar(&f.subscribe, "subscribe", nil, "ICS file or URL whose events are busy, too; may be repeated")
			c.RunE = func(c *cobra.Command, _ []string) error {
				ctx, stop := untilSignal(c.Context())
				defer stop()
				return serveCalendar(ctx, f)
			}
		},
	})
}

func serveCalendar(ctx context.Context, f calendarFlags) error {
	token := os.Getenv(calendarTokenEnv)
	switch {
	case f.dir == "":
		return usage("--dir is required: the folder of the .ics files")
	case token == "" && !loopback(f.listen):
		return usage("%s is not loopback: set %s, so that nobody else reads or fills the calendar", f.listen, calendarTokenEnv)
	}
	zone := time.Local
	if f.zone != "" {
		var err error
		if zone, err = time.LoadLocation(f.zone); err != nil {
			return usage("--timezone %q is no IANA zone", f.zone)
		}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	b, err := calendarbridge.Open(f.dir, calendarbridge.Options{Token: token, Location: zone, Subscriptions: f.subscribe, Logger: log})
	if err != nil {
		return fmt.Errorf("open the calendar folder: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), b.Close())
	}
	log.Info("calendar bridge serves", "address", l.Addr().String(), "dir", f.dir)
	return errors.Join(serveUntil(ctx, l, b), b.Close())
}

// serveUntil serves until ctx ends, then lets requests finish.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(sctx)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
