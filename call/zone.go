package call

import (
	"sync"
	"time"
)

// mostZones bounds what is kept of zones. There are some 600 names; a file system that has
// more for the same ones (America//New_York) does not make us keep them all.
const mostZones = 600

// zones keeps those that were read: each read is a file to parse, and a decision about a
// call needs two of them.
var zones struct {
	sync.RWMutex
	all map[string]*time.Location
}

// zone is the IANA zone of that name; the error is time.LoadLocation's.
func zone(name string) (*time.Location, error) {
	zones.RLock()
	z := zones.all[name]
	zones.RUnlock()
	if z != nil {
		return z, nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	zones.Lock()
	defer zones.Unlock()
	if zones.all == nil {
		zones.all = map[string]*time.Location{}
	}
	if len(zones.all) < mostZones {
		zones.all[name] = z
	}
	return z, nil
}
