// Package engine has the action on an engine as a whole: docker_prune.
package engine
