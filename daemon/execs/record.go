//go:build linux

package execs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
)

// state is where an exec is in its life: created, starting, running, ended, in this order. Starting is never stored:
// after a crash the journal tells whether the command came to run.
type state int

const (
	created state = iota
	starting
	running
	ended
)

// Exit codes of commands that have none of their own.
const (
	// codeNotStarted: the command could not be started, for a reason of the daemon's.
	codeNotStarted = 126
	// codeUnknown: nobody was there to see the end.
	codeUnknown = 255
)

// record is an exec, in the database and, never changed, in memory.
type record struct {
	ID, ContainerID string
	Request         container.ExecCreateRequest
	State           state
	// Changed is when it was created, or when it ended.
	Changed time.Time
	Pid     int `json:",omitempty"`
	Code    int `json:",omitempty"`
	// Own is set for commands of the daemon itself, as health checks: they end with it, and are forgotten at their end.
	Own bool `json:",omitempty"`
}

// command is the command line as it is shown in events: with a blank behind a program without arguments, as ever.
func (r *record) command() string {
	return r.Request.Cmd[0] + " " + strings.Join(r.Request.Cmd[1:], " ")
}

// keep bounds what is remembered of execs that are not running.
const (
	keepTime  = 5 * time.Minute
	keepCount = 1000
	// keepCreated is longer than keepTime: a client may take its time between create and start.
	keepCreated = time.Hour
)

// queue holds ids in the order they are to be dropped.
type queue []queued

type queued struct {
	id string
	at time.Time
}

// due takes out the ids that are older than age, or too many.
func (q *queue) due(now time.Time, age time.Duration, keep int) []string {
	n := max(0, len(*q)-keep)
	for n < len(*q) && now.Sub((*q)[n].at) > age {
		n++
	}
	var ids []string
	for _, one := range (*q)[:n] {
		ids = append(ids, one.id)
	}
	*q = slices.Delete(*q, 0, n)
	return ids
}

// detachKeys reads a sequence: single characters and ctrl-<letter> or ctrl-@[\]^_, separated by commas; "" is ctrl-p,
// ctrl-q.
func detachKeys(text string) ([]byte, error) {
	if text == "" {
		return []byte{'p' & 0x1f, 'q' & 0x1f}, nil
	}
	var keys []byte
	for word := range strings.SplitSeq(text, ",") {
		control, isControl := strings.CutPrefix(word, "ctrl-")
		switch {
		case len(word) == 1:
			keys = append(keys, word[0])
		case isControl && len(control) == 1 && (control[0] >= '@' && control[0] <= '_' || control[0] >= 'a' && control[0] <= 'z'):
			keys = append(keys, control[0]&0x1f)
		default:
			return nil, fmt.Errorf("invalid detach keys %q: want characters or ctrl-<letter>, separated by commas, found %q: %w", text, word, errs.ErrInvalid)
		}
	}
	return keys, nil
}
