// Package service is the resource type docker_service: a service of a swarm.
//
// A swarm keeps the specification it was given as it was given, so that an attribute nobody declared is seen as such and
// an engine's default is never a difference. An update begins with the specification the swarm has and changes in it what
// a docker_service can say; the rest stays.
//
// Whether a service converges is read from its tasks and its update status. Events say when to look again; those of
// other nodes do not reach this engine, so that the time between two looks is bounded as well (converge.go).
package service
