package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a child process as the kernel accounts for it.
type process int

// cpu is the processor time of all its threads so far.
func (p process) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", int(p)))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("processor time of %d: this needs Linux with /proc (%w)", int(p), err)
	}
	var sum time.Duration
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // the thread ended meanwhile
		}
		ran, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of %d: %w", int(p), err)
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is its resident set in bytes.
func (p process) memory() (int64, error) { return p.bytes("status", "RssAnon:") }

// huge is how much of that lies in huge pages.
func (p process) huge() (int64, error) { return p.bytes("smaps_rollup", "AnonHugePages:") }

// bytes is a line of one of the kernel's files about it.
func (p process) bytes(file, line string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", int(p), file))
	if err != nil {
		return 0, fmt.Errorf("memory of %d: %w", int(p), err)
	}
	_, after, _ := bytes.Cut(b, []byte(line))
	var kb int64
	if _, err := fmt.Sscanf(string(after), "%d kB", &kb); err != nil {
		return 0, fmt.Errorf("memory of %d: %w", int(p), err)
	}
	return kb << 10, nil
}

// files is how many file descriptors it holds, sockets included.
func (p process) files() (int, error) {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", int(p)))
	if err != nil {
		return 0, fmt.Errorf("files of %d: %w", int(p), err)
	}
	return len(all), nil
}
