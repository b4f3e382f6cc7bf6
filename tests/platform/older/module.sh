#!/usr/bin/env bash
# Print the folder of a Go module in the version that go.mod here names, downloaded if it is not there and compared with go.sum.
# Usage: module.sh MODULE
set -euo pipefail
cd "$(dirname "$0")"
go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p'
