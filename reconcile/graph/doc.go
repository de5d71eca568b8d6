// Package graph holds addresses, dependencies and the ordered concurrent walk. It knows no resource type and no
// configuration language.
//
// There are two kinds of address. [Resource] names a block of configuration: it has no instance keys
// (module.a.docker_container.web). [Instance] names one object made from it
// (module.a["x"].docker_container.web[0]). Both are comparable and print exactly as Terraform prints them.
//
// [Graph] is a set of nodes and what each needs. [Graph.Walk] visits a node once everything it needs is done; a
// failed node skips its dependants, not its neighbours. A walk limits nothing: work that costs something takes a
// slot of a [Limiter], so that a node waiting for its own instances holds none.
package graph
