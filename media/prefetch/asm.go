//go:build amd64 || arm64

package prefetch

// regions asks for n regions, the first of which is r.
//
//go:noescape
func regions(r *region, n int)

// stack asks for lines around its caller's stack pointer.
func stack(below, above int)
