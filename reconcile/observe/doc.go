// Package observe looks at an engine: one list each of containers, networks and volumes tells what is ours, which
// names and ports are taken, and what the ledger says. It changes nothing.
package observe
