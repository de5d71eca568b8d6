// Package event carries what happens to containers, images, networks and volumes to whoever listens.
//
// Publishing never waits for a listener. The last messages are kept in memory for subscribers to read at their own
// pace, and fewer of them in the metadata file, so that a client that comes back after a restart of the daemon can
// still ask for what it missed (GET /events?since=…).
//
// Messages are given strictly increasing times (TimeNano) in the order of their transactions, so "since the last one I
// saw, plus one nanosecond" neither loses nor repeats any.
//
// A subscriber so slow that what it has not read yet is no longer in memory is ended: its last message is one of type
// "daemon", action [ActionOverrun], whose attribute "reason" says so.
package event
