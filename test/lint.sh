#!/usr/bin/env bash
# The checks that need no test: formatting, vet, staticcheck, shell syntax, examples. All run, then it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
go=${1:-go}
failed=0

step() { # name command…
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "lint: $name ok"
	else
		echo "lint: $name" >&2
		printf '%s\n' "$out" >&2
		failed=1
	fi
}

unformatted() {
	local files
	files=$(git ls-files -co --exclude-standard '*.go' | grep -v '/testdata/' | xargs -r gofmt -l -s) || return 1
	[ -z "$files" ] || { echo "run 'make fmt':" "$files"; return 1; }
}

shells() {
	local file
	for file in $(git ls-files -co --exclude-standard '*.sh' .ci/run); do
		bash -n "$file" || return 1
	done
}

step gofmt unformatted
step "go vet" "$go" vet ./...
step staticcheck "$go" tool -modfile=tools/go.mod staticcheck ./...
step "shell syntax" shells
if command -v terraform >/dev/null; then
	TF_CLI_CONFIG_FILE=/dev/null step "examples" terraform fmt -check -recursive -diff examples
fi
if command -v golangci-lint >/dev/null; then
	step golangci-lint golangci-lint run ./...
fi
exit $failed
