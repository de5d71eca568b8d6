// Package archtest is the architecture as a failing test: who may import whom (the table of ARCHITECTURE.md), and the
// rules of style that a reader would have to check by hand. It parses the working tree and runs nothing, so it also
// covers files for other operating systems.
package archtest
