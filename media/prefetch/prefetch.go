// Package prefetch asks the processor for memory that is about to be used. Between two
// messages of one call come those of hundreds of others, and nothing of this one is left in
// the caches: what is touched one after the other is waited for some sixty times, 150 to 300
// ns each, and what is asked for together nearly once (docs/performance.md, ADR 0029).
//
// It owns no meaning: whatever address it is given, the processor may load it or not, and
// nothing else happens. Where there is no instruction for it here (all but amd64 and arm64)
// it does nothing.
package prefetch

import (
	"reflect"
	"unsafe"
)

// Set is memory that is used together. The zero value is empty. It keeps nothing alive, and
// what it names may be gone. Add to it first; after that, Fetch may be called concurrently.
type Set struct {
	n       int
	regions [most]region
}

// most is how many regions a Set holds; it leaves out what is added beyond.
const most = 31

// region is up to 255 lines of memory: the number of the first, and in the low byte how many.
type region uint64

// line is the size of a cache's line in bytes; one of a larger size is asked for twice.
const line = 64

func of(at, size uintptr) region {
	return region(at/line)<<8 | region(min((at%line+size+line-1)/line, 255))
}

func (s *Set) add(at, size uintptr) {
	if at == 0 || size == 0 || s.n == most {
		return
	}
	s.regions[s.n] = of(at, size)
	s.n++
}

// Len is how many regions were added.
func (s *Set) Len() int { return s.n }

// Value adds what p points to.
func Value[T any](s *Set, p *T) { s.add(uintptr(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }

// Between adds what lies between two fields of one value, the second not included.
func Between[T, U any](s *Set, from *T, to *U) {
	at, end := uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(to))
	s.add(at, max(end, at)-at)
}

// Behind adds what a field refers to, or the first bytes of it: one that is a pointer, a slice, a
// channel or an interface that holds a pointer, or an address as the runtime's poller has one. The
// field is named by the names on the way to it from the value that p points to, and may belong to
// another package. False says that it is not there.
func (s *Set) Behind(p any, most uintptr, path ...string) bool {
	v := reflect.ValueOf(p)
	for _, name := range path {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return false
		}
		v = v.FieldByName(name)
	}
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Pointer:
		s.add(v.Pointer(), min(most, v.Type().Elem().Size()))
	case reflect.Slice:
		s.add(v.Pointer(), min(most, uintptr(v.Cap())*v.Type().Elem().Size()))
	case reflect.Chan:
		s.add(v.Pointer(), min(most, channel))
	case reflect.Uintptr:
		s.add(uintptr(v.Uint()), most)
	default:
		return false
	}
	return true
}

// channel is about the size of one in bytes, without what waits in it (runtime/chan.go, hchan).
const channel = 112

// Fetch asks for all of it; a nil Set is empty.
func (s *Set) Fetch() {
	if s != nil {
		regions(&s.regions[0], s.n)
	}
}

// aFrame is as much of a buffer as a message of 20 ms of mu-law takes, in bytes.
const aFrame = 384

// Room asks for memory into which a message of audio is about to be read.
func Room(b []byte) {
	if b = b[:min(len(b), aFrame)]; len(b) > 0 {
		r := of(uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		regions(&r, 1)
	}
}

// Stack asks for the stack around its caller: what that one is about to call uses so many
// bytes below, and those that wait for it so many above.
func Stack(below, above int) { stack(below/line, above/line) }
