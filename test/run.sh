#!/usr/bin/env bash
# Runs tests and ends with a summary of packages, tests and skips:
#   run.sh unit | acceptance | e2e | clients | all
# "unit" starts no engine. The others demand every engine: a test skipped for the lack of one fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?unit, acceptance, e2e, clients or all}
log=${TESTLOG:+$TESTLOG.$what} # TESTLOG keeps it, for go run ./test/conformance -log
log=${log:-$(mktemp)}
trap '[ -n "${TESTLOG:-}" ] || rm -f "$log"' EXIT

packages=(./...)
timeout=${TESTTIMEOUT:-40m} # of one package, on machines that do other things as well
case $what in
unit) export CLEAT_TEST_ENGINES=off timeout=${TESTTIMEOUT:-4m} ;; # a hang shows itself
acceptance) mapfile -t packages < <(grep -rlE '"github.com/cleat-dev/cleat/internal/acctest"' --include='*_test.go' . | xargs -n1 dirname | sort -u | grep -v '^./test/e2e') ;;
e2e) packages=(./test/e2e/...) ;;
clients) packages=(./test/clients) ;;
all) ;;
*) echo "run.sh: unit, acceptance, e2e, clients or all" >&2; exit 2 ;;
esac
if [ "$what" != unit ]; then
	export CLEAT_REQUIRE_ENGINES=1
	# Tests run in a network namespace that leads nowhere: whatever they compile has to be here already.
	go mod download
	export CLEAT_BIN=$PWD/bin
fi

# Skips are told apart by their reasons, so the log is verbose; the terminal sees results only.
code=0
go test -v -p "${TESTP:-2}" -timeout "$timeout" "${packages[@]}" >"$log" 2>&1 || code=$?
grep -E '^(ok|FAIL|acctest)|^# |^[^ ]+\.go:[0-9]+:[0-9]+: ' "$log" | grep -v '\[no tests to run\]' || true # the last two: what does not compile

count() { grep -cE "$1" "$log" || true; }
passed=$(count '^ *--- PASS') failed=$(count '^ *--- FAIL') skipped=$(count '^ *--- SKIP')
if [ "$skipped" -gt 0 ]; then
	echo "skipped:"
	# With -v a reason stands before the test's own line. The listing is for people: nothing in it fails a run.
	{ grep -E -B3 '^ *--- SKIP' "$log" | grep -E '\.go:[0-9]+:' | sed -E 's/^ *[^ ]+: //' | sort | uniq -c | sort -rn | head -20; } || true
fi
[ $code -eq 0 ] || awk -f test/failures.awk "$log"
# A build failure has no failed test; the count must still not say that all is well.
if [ $code -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed passed, $failed failed, $skipped skipped"
# What the tests of a whole run show is what design/provider-conformance.md says.
if [ "$what" = all ] && [ $code -eq 0 ]; then go run ./test/conformance -check -log "$log" || code=1; fi
exit $code
