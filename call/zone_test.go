package call

import (
	"strings"
	"testing"
)

func TestZonesAreReadOnceAndNotKeptWithoutBound(t *testing.T) {
	t.Parallel()
	first, err := zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := zone("Europe/Berlin"); err != nil || again != first {
		t.Errorf("read again: %v, %v", again, err)
	}
	for _, name := range []string{"Not/AZone", "../etc/passwd"} {
		if z, err := zone(name); err == nil {
			t.Errorf("%s is %v", name, z)
		}
	}
	for n := range 2 * mostZones { // whether a system finds any of them or not
		_, _ = zone("Europe" + strings.Repeat("/", n+1) + "Berlin")
	}
	zones.RLock()
	defer zones.RUnlock()
	if len(zones.all) > mostZones || zones.all["Not/AZone"] != nil {
		t.Errorf("%d zones are kept", len(zones.all))
	}
}
