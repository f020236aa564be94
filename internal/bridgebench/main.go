// Command bridgebench measures the media bridge of the shipped binary beside a limit:
// the least that any bridge does (limit.go). It holds the fake Twilio and the fake
// Realtime server of both, each of which runs in a process of its own. `make
// bench-bridge` runs it; docs/performance.md has its tables and says how to read them.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

type bench struct {
	binary string
	trust  *trust
	how    timing
	loads  []int
	most   bool // look for the most calls
}

func main() {
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command() error {
	b := &bench{}
	var loads string
	asLimit := flag.String("limit", "", "be the limit, listening on this address (the benchmark starts itself so)")
	model := flag.String("model", "", "the model's URL, for -limit")
	formats := flag.String("format", "pcmu,pcm", "the model's formats to measure")
	sizes := flag.String("delta", "20,burst", "sizes of deltas: 20 (ms), burst (100 to 400 ms)")
	secure := flag.String("tls", "off,on", "without and with TLS")
	flag.StringVar(&loads, "loads", "1,50,100,200", "calls at a time")
	flag.BoolVar(&b.most, "most", true, "look for the most calls that the limit carries")
	flag.StringVar(&b.binary, "binary", "bin/callagent", "the binary to measure")
	flag.DurationVar(&b.how.warm, "warm", time.Second, "time before the measurement")
	flag.DurationVar(&b.how.measure, "measure", 8*time.Second, "time of the measurement")
	flag.DurationVar(&b.how.barge, "barge", 20*time.Second, "time of the interruptions, which only the bridge knows; 200 calls make 100 a second")
	flag.StringVar(&b.how.profile, "profile", "", "write a profile of the bridge's processor time to this file; its figures are then of no use")
	soaking := flag.Duration("soak", 0, "hold calls for so long, and see whether anything grows")
	s := &soak{bench: b}
	flag.IntVar(&s.calls, "soak-calls", 200, "calls at a time, for -soak")
	flag.DurationVar(&s.each, "soak-each", time.Minute, "how long a call lasts, for -soak")
	flag.DurationVar(&s.every, "soak-every", 10*time.Second, "time between two samples, for -soak")
	flag.StringVar(&s.report, "soak-report", "", "file for the report, for -soak")
	smoke := flag.Bool("smoke", false, "only see whether every call is carried whole; times are not judged")
	flag.Parse()
	if *asLimit != "" {
		return runLimit(*asLimit, *model, *formats, *secure == "on")
	}
	for _, word := range strings.Split(loads, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return fmt.Errorf("-loads %q: give numbers of calls, such as 1,50,100", loads)
		}
		b.loads = append(b.loads, n)
	}
	dir, err := os.MkdirTemp("", "bridgebench")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if b.trust, err = newTrust(dir); err != nil {
		return err
	}
	switch {
	case *smoke:
		return b.smoke()
	case *soaking > 0:
		s.total = *soaking
		return s.run()
	}
	return b.tables(strings.Split(*formats, ","), strings.Split(*sizes, ","), strings.Split(*secure, ","))
}
