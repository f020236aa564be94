#!/bin/sh
# Holds the functions to their sizes, in bytes: what is linked is loaded at every cold start.
set -eu
while read -r name most; do
	size=$(wc -c <"dist/$name/bootstrap")
	echo "$name $size of $most"
	if [ "$size" -gt "$most" ]; then
		echo "dist/$name/bootstrap is larger than it may be; see what it links: go version -m, go list -deps ./lambdas/$name" >&2
		exit 1
	fi
done <<END
voice 9500000
status 9500000
tools 18000000
calls 12000000
retry 12000000
notify 12000000
END
