// Package containers serves the calls about containers, and POST /commit: it reads parameters and bodies, and turns what a
// service answers into HTTP. What a container is it does not know.
//
// The option types are aliases of plain structs: a service that declares the same ones satisfies [Backend] without either
// package knowing the other. daemon/daemon.go puts them together; a difference does not compile there.
package containers
