package config

import (
	"fmt"
	"slices"
	"strings"
)

// Keys lists every key in the order of contract section 5. The list is a copy.
func Keys() []Key { return slices.Clone(table) }

// Lookup finds the key at path.
func Lookup(path string) (Key, bool) {
	i := slices.IndexFunc(table, func(k Key) bool { return k.Path == path })
	if i < 0 {
		return Key{}, false
	}
	return table[i], true
}

// IsGroup says whether keys lie below path ("openai", "defaults.workingHours"), so that a Caddyfile opens a block there.
func IsGroup(path string) bool {
	return slices.ContainsFunc(table, func(k Key) bool { return strings.HasPrefix(k.Path, path+".") })
}

// Set gives the key at path its values, replacing what it had. A key of Kind list or tokens takes any number of
// values, any other exactly one. The error is a Fault.
func (c *Config) Set(path string, values []string) error {
	k, known := Lookup(path)
	if !known {
		if strings.HasPrefix(path, "tunnel.") {
			c.given["tunnel.provider"] = true // Warnings says that it does nothing
			return nil
		}
		return unknown(path)
	}
	for _, v := range values {
		if unreplaced(v) {
			return Fault{Key: path, Problem: "holds a placeholder that was not replaced", Mend: "set the variable or file it names"}
		}
	}
	if err := k.set(c, values); err != nil {
		return faultOf(k, err)
	}
	c.given[path] = true
	return nil
}

// faultOf splits "problem; mend", the form of every message of this package's parsers. A secret key's value is not
// repeated: the parsers of secrets never quote it.
func faultOf(k Key, err error) Fault {
	problem, mend, found := strings.Cut(err.Error(), "; ")
	if !found {
		mend = k.Doc
	}
	return Fault{Key: k.Path, Problem: problem, Mend: mend}
}

// unreplaced recognises a Caddy placeholder that reached us as text.
func unreplaced(v string) bool {
	return strings.Contains(v, "{env.") || strings.Contains(v, "{file.") || strings.Contains(v, "{$")
}

func unknown(path string) Fault {
	if IsGroup(path) {
		return Fault{Key: path, Problem: "is a group of keys, not a value", Mend: "set the keys below it"}
	}
	return Fault{Key: path, Problem: "no such key", Mend: fmt.Sprintf("did you mean %s?", nearest(path))}
}

// nearest is the known key, or group of keys, most like path; a match of the last word counts as much as one of the whole.
func nearest(path string) string {
	best, bestDistance := "", 1<<30
	consider := func(name string, d int) {
		if d < bestDistance {
			best, bestDistance = name, d
		}
	}
	for _, k := range table {
		consider(k.Path, min(distance(plain(path), plain(k.Path)), 1+distance(plain(last(path)), plain(last(k.Path)))))
		if group, _, grouped := strings.Cut(k.Path, "."); grouped && !strings.Contains(path, ".") {
			consider(group+".*", distance(plain(path), plain(group)))
		}
	}
	return best
}

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// plain makes maxSessions and max_sessions alike; longer than any key, the tail adds nothing to a comparison.
func plain(s string) string {
	return strings.ToLower(strings.ReplaceAll(s[:min(len(s), 80)], "_", ""))
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
