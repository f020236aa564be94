package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// The targets, at judged calls without TLS.
const (
	judged          = 200
	delayRatioMost  = 2.0
	delayMost       = 5 * time.Millisecond
	cpuRatioMost    = 1.5
	cpuRatioMostPCM = 1.8
	memoryRatioMost = 2.5
	clearMost       = 5 * time.Millisecond
	callsRatioLeast = 0.9
	// A load is carried while nothing is lost and the p99 stays below this.
	carriedWithin = 20 * time.Millisecond
	searchStep    = 50
	searchMost    = 800
)

var errMissed = errors.New("a target was missed")

func (b *bench) tables(formats, sizes, secure []string) error {
	missed := false
	for _, tls := range secure {
		for _, format := range formats {
			for _, size := range sizes {
				ok, err := b.table(shape{format: format, burst: size == "burst", secure: tls == "on"})
				if err != nil {
					return err
				}
				missed = missed || !ok
			}
		}
	}
	if missed {
		return errMissed
	}
	return nil
}

// smoke carries 20 calls in each format through both, and wants every frame.
func (b *bench) smoke() error {
	b.how = timing{warm: 200 * time.Millisecond, measure: 2 * time.Second, barge: 2500 * time.Millisecond}
	for _, s := range []shape{{format: pcmu, calls: 20}, {format: pcm24k, burst: true, secure: true, calls: 20}} {
		for _, name := range []string{nameLimit, nameBridge} {
			f, err := b.attempt(name, s)
			if err != nil {
				return err
			}
			if f.lost > 0 || f.noClear > 0 || len(f.heard) < 1000 || len(f.spoken) < 100 || name == nameBridge && len(f.clears) < 10 {
				return fmt.Errorf("%s in %s: %d frames lost; %d and %d messages arrived; %d interruptions were cleared, %d not",
					name, s.format, f.lost, len(f.heard), len(f.spoken), len(f.clears), f.noClear)
			}
			fmt.Fprintf(os.Stdout, "ok   %-6s %-4s tls %-5t %d calls, %d and %d messages, nothing lost; %d interruptions cleared\n",
				name, s.format, s.secure, s.calls, len(f.heard), len(f.spoken), len(f.clears))
		}
	}
	return b.crowd(20)
}

func (s shape) String() string {
	size, tls := "deltas of 20 ms", "no TLS"
	if s.burst {
		size = "deltas of 100 to 400 ms"
	}
	if s.secure {
		tls = "TLS on both sides"
	}
	return fmt.Sprintf("%s, %s, %s", s.format, size, tls)
}

// table measures one shape at all loads, and says whether it meets its targets.
func (b *bench) table(s shape) (ok bool, err error) {
	fmt.Fprintf(os.Stdout, "\n%s\n", s)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "calls\t\tto model p50\tp99\tmax\tto callee p50\tp99\tmax\tclear p99\tlost\tCPU/call·s\tmemory/call\t")
	var faults []string
	for _, n := range b.loads {
		s.calls = n
		limit, err := b.attempt(nameLimit, s)
		if err != nil {
			return false, err
		}
		bridge, err := b.attempt(nameBridge, s)
		if err != nil {
			return false, err
		}
		rows(w, n, limit, bridge)
		if n == judged {
			faults = append(faults, verdict(s, limit, bridge)...)
		}
	}
	if b.most {
		limit, bridge, err := b.search(s)
		if err != nil {
			return false, err
		}
		defer fmt.Fprintf(os.Stdout, "at most: the limit carries %d calls, the bridge %d; %d are asked\n", limit, bridge, int(callsRatioLeast*float64(limit)))
		if float64(bridge) < callsRatioLeast*float64(limit) {
			faults = append(faults, fmt.Sprintf("carries %d calls where the limit carries %d", bridge, limit))
		}
	}
	_ = w.Flush()
	switch {
	case s.secure:
		fmt.Fprintln(os.Stdout, "reported; the targets are for no TLS")
		return true, nil
	case len(faults) > 0:
		fmt.Fprintln(os.Stdout, "MISS "+strings.Join(faults, "; "))
		return false, nil
	}
	fmt.Fprintln(os.Stdout, "PASS")
	return true, nil
}

func rows(w *tabwriter.Writer, n int, limit, bridge figures) {
	for _, x := range []struct {
		name string
		f    figures
	}{{nameLimit, limit}, {nameBridge, bridge}} {
		clear := "-"
		if len(x.f.clears) > 0 {
			clear = ms(x.f.clears.at(99))
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d KB\t\n", n, x.name,
			ms(x.f.heard.at(50)), ms(x.f.heard.at(99)), ms(x.f.heard.at(100)), ms(x.f.spoken.at(50)), ms(x.f.spoken.at(99)), ms(x.f.spoken.at(100)),
			clear, x.f.lost, ms(x.f.cpu), x.f.memory>>10)
	}
	fmt.Fprintf(w, "\tratio\t%s\t%s\t\t%s\t%s\t\t\t\t%s\t%s\t\n",
		times(bridge.heard.at(50), limit.heard.at(50)), times(bridge.heard.at(99), limit.heard.at(99)),
		times(bridge.spoken.at(50), limit.spoken.at(50)), times(bridge.spoken.at(99), limit.spoken.at(99)),
		times(bridge.cpu, limit.cpu), times(bridge.memory, limit.memory))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func times[T ~int64](a, b T) string { return fmt.Sprintf("%.2f×", ratio(a, b)) }

func ratio[T ~int64](a, b T) float64 { return float64(a) / float64(max(b, 1)) }

// verdict names the targets that are missed.
func verdict(s shape, limit, bridge figures) (faults []string) {
	miss := func(missed bool, format string, args ...any) {
		if missed {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	miss(bridge.lost > 0, "%d frames lost", bridge.lost)
	for name, d := range map[string][2]delays{"to model": {bridge.heard, limit.heard}, "to callee": {bridge.spoken, limit.spoken}} {
		ours, theirs := d[0].at(99), d[1].at(99)
		miss(ours > delayMost || ratio(ours, theirs) > delayRatioMost, "%s p99 %s, %s the limit's", name, ms(ours), times(ours, theirs))
	}
	miss(bridge.clears.at(99) > clearMost || bridge.noClear > 0, "clear p99 %s, %d never came", ms(bridge.clears.at(99)), bridge.noClear)
	most := cpuRatioMost
	if s.format == pcm24k {
		most = cpuRatioMostPCM
	}
	miss(ratio(bridge.cpu, limit.cpu) > most, "CPU %s the limit's", times(bridge.cpu, limit.cpu))
	miss(ratio(bridge.memory, limit.memory) > memoryRatioMost, "memory %s the limit's", times(bridge.memory, limit.memory))
	return faults
}

// search finds the most calls that the limit carries, and how many the bridge does: 0.9 times
// as many, or where it does not, less by steps.
func (b *bench) search(s shape) (limit, bridge int, err error) {
	short := *b
	short.how.barge = 0
	for s.calls = judged; s.calls <= searchMost && short.carries(nameLimit, s); s.calls += searchStep {
		limit = s.calls
	}
	if limit == 0 {
		return 0, 0, fmt.Errorf("the limit does not carry %d calls on this machine: nothing can be compared", judged)
	}
	for s.calls = int(callsRatioLeast * float64(limit)); bridge == 0 && s.calls > 0; s.calls -= searchStep {
		if short.carries(nameBridge, s) {
			bridge = s.calls
		}
	}
	return limit, bridge, nil
}

// carries says whether a load is carried, in one of two tries: a pause of the machine is nobody's.
func (b *bench) carries(name string, s shape) bool {
	for range 2 {
		f, err := b.attempt(name, s)
		if err == nil && f.lost == 0 && f.heard.at(99) < carriedWithin && f.spoken.at(99) < carriedWithin {
			return true
		}
	}
	return false
}
