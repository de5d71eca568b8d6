// Package swarm is what docker_secret, docker_config and docker_service share: labels, the check for a swarm, and
// updates that must name the version they change.
package swarm
