// Package config is the daemon's configuration: one table of options that are flags of cleatd and arguments of its HCL
// file under the same names.
//
//	# /etc/cleat/cleatd.hcl
//	host               = ["unix:///run/cleat/cleat.sock", "tcp://127.0.0.1:2375"]
//	insecure-registry  = ["10.0.0.0/8"]
//	log-level          = "debug"
//
// A flag on the command line wins over the file. What is wrong is said with its place, what was found and what is
// expected, all of it at once.
package config
