#!/usr/bin/env bash
# Makes the clients Debian does not have, in the folder given: docker CLI and compose of today and the test program of
# testcontainers from the Go proxy, dockerode from npm. Quick when they are there: Go keeps what it built.
set -euo pipefail
into=$(mkdir -p "${1:?a folder}" && cd "$1" && pwd)
cd "$(dirname "$0")/programs"
go=${GO:-go}

# As their makers build them: a client says its version to the engine.
version() { "$go" list -m -f '{{.Version}}' "$1" | sed 's/^v//; s/+incompatible$//'; }
export CGO_ENABLED=0
# The CLI's module says no version of the language, which would be taken for one of the time before modules.
"$go" build -trimpath -gcflags 'github.com/docker/cli/...=-lang=go1.26' -ldflags "-s -w -X github.com/docker/cli/cli/version.Version=$(version github.com/docker/cli)" \
	-o "$into/docker" github.com/docker/cli/cmd/docker
"$go" build -trimpath -ldflags "-s -w -X github.com/docker/compose/v5/internal.Version=v$(version github.com/docker/compose/v5)" \
	-o "$into/docker-compose" github.com/docker/compose/v5/cmd
"$go" test -c -trimpath -ldflags '-s -w' -o "$into/testcontainers" ./testcontainers
"$go" build -trimpath -ldflags '-s -w' -o "$into/ryuk" ./ryuk
"$go" vet ./...

if ! cmp -s package-lock.json "$into/package-lock.json" || [ ! -d "$into/node_modules" ]; then
	cp package.json "$into/"
	cp package-lock.json "$into/package-lock.json.new"
	mv "$into/package-lock.json.new" "$into/package-lock.json"
	npm --prefix "$into" ci --ignore-scripts --no-audit --no-fund --silent || { rm -f "$into/package-lock.json"; exit 1; }
fi
