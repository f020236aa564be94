//go:build !amd64 && !arm64

package prefetch

func regions(*region, int) {}

func stack(int, int) {}
