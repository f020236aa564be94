package jsonscan

import "unsafe"

// View is b as a string, without a copy: it is good for as long as nobody changes b. Audio
// passes through a call in buffers that are used again; who keeps some of it copies it.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
