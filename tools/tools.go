// Package tools holds the tools that build cleat, in a module of its own so that their dependencies are not those of
// the programs. They are named by the tool lines of go.mod; run them with: go tool -modfile=tools/go.mod NAME.
package tools
