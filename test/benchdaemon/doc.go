// Command benchdaemon measures the same work on cleatd and on a real dockerd, one after the other in one run, and
// prints the ratios. Nothing fails on a slow machine: it is the table that counts.
//
//	benchdaemon [-engines cleatd,dockerd] [-only cycle,exec,…]
package main
