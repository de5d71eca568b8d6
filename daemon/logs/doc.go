//go:build linux

// Package logs reads the json-file logs that cleat-monitor writes: one JSON object a line,
//
//	{"log":"…\n","stream":"stdout","time":"2026-11-22T07:16:38.123456789Z"}
//
// in the file given and its rotated predecessors (.1 the newest of them). It serves GET /containers/{id}/logs and the
// logs=1 part of attach, and is called by the containers service.
//
// # What it costs
//
// The last lines are found by reading blocks backwards, the first line of a time by bisection, so a call costs what
// it returns and not what the log holds. Lines in the form above are taken apart by a scanner of its own and copied
// straight into the reply; only lines written by another program in another form go through encoding/json.
//
// # Following
//
// A follower sleeps on inotify, one instance for the daemon ([Watcher]). When the log is rotated under it, it drains
// the file it has open once more, finds that file again by inode in the chain, and goes on with the next newer one:
// no line is lost or doubled. The writer never changes a file it has rotated.
//
// # Damage
//
// A torn, corrupt or overlong line is skipped and counted ([Stats]), never an error: a log with one bad line must
// stay readable. An unterminated last line is a line still being written.
package logs
