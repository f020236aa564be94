// Package unpacked has the phone numbers' library start with its data uncompressed. The
// library reads the numbering plans of the world before main does anything: half of the
// start of the function tools, and a quarter of that is decompression, which a start need not
// do (make bench-lambda: docs/deploy.md). The library has no way to be told so, and none to
// read later (v1.8.1, the newest); it decodes whatever gzip stream its variable holds. Here it
// is given the same stream, stored instead of compressed, for 236 KB of the binary.
//
// It does no harm where it fails: a library that has started before uses its own data, and
// one whose variables are called otherwise does not link, so that nobody overlooks it; then
// this package goes. Both, and that the data are those of the library in go.mod, are tested;
// after a new version of it, `go test ./lambdas/tools/unpacked -update` writes them anew. They
// are google/libphonenumber's (Apache License 2.0), by github.com/nyaruka/phonenumbers (MIT).
package unpacked

import (
	_ "embed"
	_ "unsafe" // go:linkname
)

var (
	//go:embed metadata.gz
	metadata []byte
	//go:embed shortnumber_metadata.gz
	shortMetadata []byte
)

//go:linkname numberData github.com/nyaruka/phonenumbers.numberData
var numberData []byte

//go:linkname shortNumberData github.com/nyaruka/phonenumbers.shortNumberData
var shortNumberData []byte

// Packages that wait for nothing start in the order of their paths, this one early: the
// library's dependencies take longer to start than its own embed.
func init() { numberData, shortNumberData = metadata, shortMetadata }
