#!/usr/bin/env bash
# Measures requests, time and memory for the numbers of containers given; see test/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
go build -o bin/bench ./test/bench
exec bin/bench "$@"
