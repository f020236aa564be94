#!/bin/sh
# Writes the configuration document to SSM as a SecureString, and generates what nobody
# should think up: the stream secret and tool tokens. See scripts/secrets.py.
set -eu
scripts=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
python=$(dirname "$(sh "$scripts/cloud-tools.sh" sam)")/python
exec "$python" -I "$scripts/secrets.py" "$@"
