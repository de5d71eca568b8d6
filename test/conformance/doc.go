// Command conformance writes design/provider-conformance.md: which attribute of which resource type which engine can
// express, from the declarations alone, and what the tests show of every type on every engine.
//
// Tests say what they show (acctest.Shown), and it counts once they passed:
//
//	go run ./test/conformance                   the part from the declarations (make generate)
//	go run ./test/conformance -log FILE         the matrix too, from the output of go test -v with every engine
//	go run ./test/conformance -log FILE -check  fails where the file says something else (test/run.sh all)
//
// A cell nobody shows needs a reason in reasons.go, and a reason for a cell that is shown, or for no cell at all, is an
// error: neither holes nor excuses outlive what they are about.
package main
