package caddymodule

import (
	"context"
	"os"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/clawdbot/call-agent/internal/cli"
)

func init() {
	for _, c := range []caddycmd.Command{callCommand, statusCommand, cancelCommand, tailCommand} {
		caddycmd.RegisterCommand(c)
	}
}

const serverHelp = "\n\nThe server is --url or " + cli.VarURL + ", the token " + cli.VarToken + " (--token shows in the list of processes).\n" +
	"A person is answered in words; where the output is no terminal, or with --json, as the server answers, one JSON document a line.\n\n" + cli.ExitHelp

var callCommand = caddycmd.Command{
	Name:  "call",
	Usage: "--to <number> --goal <text> --duration 30m [--wait | --dry-run]",
	Short: "Asks a running server to book an appointment by telephone",
	Long: "Asks a running server to call and agree on an appointment, as an assistant does by call_agent. It returns when the call is\n" +
		"dialled; with --wait when it is over, with its events. --dry-run says what the call would be, and dials nobody.\n\n" +
		"  callagent call --to +14155550123 --goal 'Book a dental check-up. Mornings are preferred.' --duration 30m --wait" + serverHelp,
	CobraFunc: func(c *cobra.Command) {
		var e cli.Errand
		f := c.Flags()
		f.StringVar(&e.To, "to", "", "number to call, in E.164 (required)")
		f.StringVar(&e.Goal, "goal", "", "what to achieve, in plain words (required)")
		f.DurationVar(&e.Duration, "duration", 0, "length of the appointment, such as 30m (required)")
		f.StringVar(&e.Timezone, "timezone", "", "your IANA time zone; default the server's")
		f.StringVar(&e.CalleeTimezone, "callee-timezone", "", "zone in which times are said on the call")
		f.StringVar(&e.WindowStart, "window-start", "", "earliest start, RFC 3339 with offset; default now")
		f.StringVar(&e.WindowEnd, "window-end", "", "latest end, RFC 3339 with offset; default 14 days later")
		f.StringVar(&e.UserName, "user", "", "your name, as it is said on the call")
		f.StringVar(&e.CalleeName, "callee", "", "name of the person or business called")
		f.StringVar(&e.CalendarID, "calendar", "", "calendar to book in; default primary")
		f.StringVar(&e.Key, "idempotency-key", "", "repeat a request that may have arrived; default a new key")
		f.BoolVar(&e.DryRun, "dry-run", false, "say what the call would be, and dial nobody")
		f.BoolVar(&e.Wait, "wait", false, "wait until the call is over")
		ask(c, cobra.NoArgs, func(ctx context.Context, o cli.Options, _ []string) int { return cli.Call(ctx, o, e) })
	},
}

var statusCommand = caddycmd.Command{
	Name: "status", Usage: "<call id>", Short: "Says how a call stands",
	Long: "Says how a call stands that was placed with the same token, as call_agent_status does." + serverHelp,
	CobraFunc: func(c *cobra.Command) {
		ask(c, cobra.ExactArgs(1), func(ctx context.Context, o cli.Options, args []string) int { return cli.Status(ctx, o, args[0]) })
	},
}

var cancelCommand = caddycmd.Command{
	Name: "cancel", Usage: "<call id> [--reason <text>]", Short: "Stops a call",
	Long: "Stops a call, as call_agent_cancel does: one that waits is never dialled, a conversation ends with a goodbye. An appointment that\n" +
		"is booked stays booked. Exit status 0 means that the request was taken." + serverHelp,
	CobraFunc: func(c *cobra.Command) {
		var reason string
		c.Flags().StringVar(&reason, "reason", "", "why; kept on the call and said to nobody")
		ask(c, cobra.ExactArgs(1), func(ctx context.Context, o cli.Options, args []string) int {
			return cli.Cancel(ctx, o, args[0], reason)
		})
	},
}

var tailCommand = caddycmd.Command{
	Name: "tail", Usage: "<call id>", Short: "Prints what happens to a call, until it is over",
	Long: "Prints the events of a call as they come: queued, dialing, ringing, answered, proposing, booked, retry, ended. It goes on\n" +
		"where a server restarts, and gives up after a minute without one." + serverHelp,
	CobraFunc: func(c *cobra.Command) {
		ask(c, cobra.ExactArgs(1), func(ctx context.Context, o cli.Options, args []string) int { return cli.Tail(ctx, o, args[0]) })
	},
}

// ask gives a command the flags that all have, and its work.
func ask(c *cobra.Command, args cobra.PositionalArgs, do func(context.Context, cli.Options, []string) int) {
	o := cli.Options{Stdout: os.Stdout, Stderr: os.Stderr, Zone: time.Local}
	c.Flags().StringVar(&o.URL, "url", "", "address of the server; default $"+cli.VarURL+" or "+cli.DefaultURL)
	c.Flags().StringVar(&o.Token, "token", "", "tool token; default $"+cli.VarToken)
	c.Flags().BoolVar(&o.JSON, "json", false, "print JSON also on a terminal")
	c.Args, c.SilenceUsage, c.SilenceErrors = args, true, true
	run := func(f caddycmd.Flags) (int, error) {
		ctx, stop := untilSignal(c.Context())
		defer stop()
		o.URL = firstOf(o.URL, os.Getenv(cli.VarURL), cli.DefaultURL)
		o.Token = firstOf(o.Token, os.Getenv(cli.VarToken))
		o.JSON = o.JSON || !term.IsTerminal(int(os.Stdout.Fd()))
		return do(ctx, o, f.Args()), nil
	}
	c.RunE = caddycmd.WrapCommandFuncForCobra(run)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
