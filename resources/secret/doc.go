// Package secret is the resource type docker_secret: data a swarm hands to the tasks of services, as files in memory.
//
// No engine tells what a secret holds. What was declared is remembered by the host, under cleat as a fingerprint only.
// Of an imported secret nothing is remembered, so its data reads as "", which no declaration can say: the plan then
// records the declared data and changes nothing.
package secret
