# What the tests that failed said, from the log of go test -v: each test's own lines, which parallel tests print among each
# other, under its package and name. Of a panic the first lines.
function flush_package(name,    i, test, from) {
	for (i = 1; i <= failures; i++) {
		test = failed[i]
		if (!(test in count) || told[test]++) continue
		printf "\n=== FAIL: %s %s\n", name, test
		from = count[test] > keep ? count[test] - keep : 0
		if (from) printf "    … %d lines before\n", from
		for (; from < count[test]; from++) print said[test, from]
	}
	if (panicked) printf "\n=== PANIC: %s\n%s", name, panicked
	failures = panicLines = 0
	panicked = test = ""
	delete failed; delete count; delete said; delete told
}
BEGIN { keep = 80 }
/^=== (RUN|NAME|CONT|PAUSE) / { test = $3; next }
/^ *--- FAIL: / { failed[++failures] = $3; next }
/^=== ATTR |^ *--- (PASS|SKIP): / { next }
/^(ok|FAIL|\?) *\t/ { flush_package($2); current = ""; test = ""; next }
/^(panic: |fatal error: |WARNING: DATA RACE)/ { panicLines = 60 }
panicLines > 0 { panicked = panicked $0 "\n"; panicLines--; next }
test { said[test, count[test]++] = $0 }
