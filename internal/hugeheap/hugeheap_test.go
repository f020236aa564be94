//go:build linux && (amd64 || arm64)

package hugeheap

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kilobytes is a line of what the kernel says of this process's memory.
func kilobytes(t *testing.T, name string) (kb int) {
	t.Helper()
	all, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(all, []byte("\n"+name+":"))
	if _, err := fmt.Sscanf(string(after), "%d kB", &kb); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return kb
}

// gives says whether the system has huge pages to give just now: memory in pieces has none.
func gives(t *testing.T) bool {
	t.Helper()
	before := kilobytes(t, "AnonHugePages")
	m, err := unix.Mmap(-1, 0, 2*Ahead, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	_ = unix.Madvise(m, unix.MADV_HUGEPAGE)
	for i := 0; i < len(m); i += os.Getpagesize() {
		m[i] = 1
	}
	return kilobytes(t, "AnonHugePages")-before >= Ahead>>10
}

// joins says whether the system makes a huge page of small ones when it is told to.
func joins(t *testing.T) bool {
	t.Helper()
	m, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	at := page - int(uintptr(unsafe.Pointer(&m[0]))%page)
	m[at] = 1
	return unix.Madvise(m[at:at+page], unix.MADV_COLLAPSE) == nil
}

// child says to the test's own binary that it is the process that is to ask: one can ask once.
const child = "HUGEHEAP_TEST_CHILD"

func TestTheHeapGrowsIntoHugePages(t *testing.T) {
	if os.Getenv(child) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheHeapGrowsIntoHugePages$")
		again.Env = append(os.Environ(), child+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	Expect(100)
	if done != 0 {
		t.Fatal("pages were made before they were asked for")
	}
	var before int
	made := func(when string, want int) {
		t.Helper()
		if got := kilobytes(t, "AnonHugePages") - before; got != want>>10 {
			t.Errorf("%s: %d KB in huge pages, want %d", when, got, want>>10)
		}
	}
	before = kilobytes(t, "AnonHugePages")
	Ask()
	if !willing() || !gives(t) {
		Expect(100)
		made("a system that gives none", 0)
		return
	}
	joined := kilobytes(t, "AnonHugePages") - before - Ahead>>10
	if joined > arena>>10 || joins(t) != (joined > 0) {
		t.Errorf("of the heap as it was, %d KB are in huge pages", joined)
	}
	before += joined
	Ask()
	made("asked twice", Ahead)
	Expect(1)
	made("a call is less than a page", Ahead)
	Expect(100)
	Expect(50)
	made("100 calls", Ahead+100*perCall/page*page)
	fills(t)
	Expect(1 << 20)
	if done > room {
		t.Errorf("%d bytes of %d", done, room)
	}
}

// fills lets the heap grow, and sees whether it does where the pages were made.
func fills(t *testing.T) {
	t.Helper()
	objects := make([][]byte, 20<<10)
	for i := range objects {
		objects[i] = make([]byte, 1<<10)
		objects[i][0] = 1
	}
	if got := kilobytes(t, "Rss"); got > (room+Ahead)>>10 {
		t.Errorf("%d KB are in memory", got)
	}
	in := 0
	for _, o := range objects {
		if at := uintptr(unsafe.Pointer(&o[0])); at >= begin && at < begin+uintptr(done) {
			in++
		}
	}
	if in < len(objects)*3/4 {
		t.Errorf("of %d objects %d are where the pages were made", len(objects), in)
	}
	runtime.KeepAlive(objects)
}
