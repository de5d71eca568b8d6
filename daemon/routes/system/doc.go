// Package system has the calls about the daemon as a whole: _ping, info, version, events; and refuses those of swarm
// mode in the way clients understand.
package system
