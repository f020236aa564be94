package config

import (
	"errors"
	"strings"
)

// Fault is one thing wrong with a configuration. It never holds the value of a secret key.
type Fault struct {
	Key     string // path of the key, as in contract section 5
	Problem string // what is wrong with it
	Mend    string // what to do about it
}

// Error is "key: problem; mend".
func (f Fault) Error() string { return f.Key + ": " + f.Problem + "; " + f.Mend }

// Faults are all faults found at once, in the order in which they were found.
type Faults []Fault

// Error has one fault per line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each Fault.
func (fs Faults) Unwrap() []error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errs
}

// err is nil for no faults, so that an empty list never becomes a non-nil error.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// with appends what err holds, once per fault: a key refused while reading is refused again by Validate.
func (fs Faults) with(err error) Faults {
	if err == nil {
		return fs
	}
	var more Faults
	var one Fault
	switch {
	case errors.As(err, &more):
	case errors.As(err, &one):
		more = Faults{one}
	default:
		more = Faults{{Key: "configuration", Problem: err.Error(), Mend: "see the message"}}
	}
	for _, f := range more {
		if !fs.has(f.Key) {
			fs = append(fs, f)
		}
	}
	return fs
}

func (fs Faults) has(key string) bool {
	for _, f := range fs {
		if f.Key == key {
			return true
		}
	}
	return false
}

// add appends a fault unless ok.
func (fs *Faults) add(ok bool, key, problem, mend string) {
	if !ok {
		*fs = append(*fs, Fault{Key: key, Problem: problem, Mend: mend})
	}
}
