package caddymodule

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/demo"
)

func init() {
	caddycmd.RegisterCommand(doctorCommand)
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "demo",
		Usage: "[--scenario <name>] [--out <dir>] [--model openai] [--format audio/pcm] [--input-format audio/pcm]",
		Short: "Plays one whole call on this machine, without any account",
		Long: "Plays one whole call: a tool invocation, a phone call with real audio over the real wire protocols,\n" +
			"a booking in an .ics file, the notification. Twilio, the callee and (unless --model openai) the model are simulated.\n" +
			"Exit status 0 exactly when everything the scenario states holds. Scenarios: " + strings.Join(demo.Scenarios(), ", ") + ".",
		CobraFunc: func(c *cobra.Command) {
			var o demo.Options
			c.Flags().StringVar(&o.Scenario, "scenario", "", "which scenario to play; empty is "+demo.Scenarios()[0])
			c.Flags().StringVar(&o.Out, "out", filepath.Join("out", "demo"), "folder for the files")
			c.Flags().StringVar(&o.Model, "model", "", "openai uses the real model, with OPENAI_API_KEY")
			c.Flags().StringVar(&o.Format, "format", "", "the model's output format: "+config.FormatPCMU+", "+config.FormatPCMA+" or "+config.FormatPCM)
			c.Flags().StringVar(&o.InputFormat, "input-format", "", "the model's input format, as --format")
			c.RunE = func(c *cobra.Command, _ []string) error {
				ctx, stop := untilSignal(c.Context())
				defer stop()
				o.Serve, o.Stdout = serve, os.Stdout
				return demo.Run(ctx, o)
			}
		},
	})
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "try",
		Usage: "[--listen localhost:4545] [--out <dir>] [--callee] [--record]",
		Short: "Runs the server for a person: the phone is a page in your browser",
		Long: "Runs the server with the mock provider and the simulated model, over a calendar of its own, and prints a tool\n" +
			"token, a ready curl, and how to answer the call in a browser with your own microphone. It understands no words:\n" +
			"it takes your first turn for an answer and every later one for a yes. With --callee somebody simulated answers.\n" +
			"CALLAGENT_TOOLS_TOKENS gives it a token that stays; CALLAGENT_NOTIFY_HOOKS_URL and CALLAGENT_NOTIFY_HOOKS_TOKEN\n" +
			"say who is told how a call ended. No other variable of the call agent is read.",
		CobraFunc: func(c *cobra.Command) {
			var o demo.TryOptions
			c.Flags().StringVar(&o.Listen, "listen", "localhost:4545", "address of the server; microphones need localhost or https")
			c.Flags().StringVar(&o.Out, "out", filepath.Join("out", "try"), "folder for calendar and state")
			c.Flags().BoolVar(&o.Callee, "callee", false, "simulate phone company and callee, too: everybody picks up and takes the first time offered")
			c.Flags().BoolVar(&o.Record, "record", false, "keep how calls sound until the next run, to be heard in the console")
			c.RunE = func(c *cobra.Command, _ []string) error {
				ctx, stop := untilSignal(c.Context())
				defer stop()
				o.Serve, o.Stdout = serve, os.Stdout
				o.HooksURL, o.HooksToken = os.Getenv("CALLAGENT_NOTIFY_HOOKS_URL"), os.Getenv("CALLAGENT_NOTIFY_HOOKS_TOKEN")
				if o.Token = os.Getenv("CALLAGENT_TOOLS_TOKENS"); strings.ContainsAny(o.Token, ",[{ ") {
					return usage("CALLAGENT_TOOLS_TOKENS: try takes one token as it is")
				}
				return demo.Try(ctx, o)
			}
		},
	})
}

// untilSignal is a context that ends with the process's interrupt.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// usage is an error about how a command was called.
func usage(format string, a ...any) error {
	return fmt.Errorf(format+"; see callagent help", a...)
}
