package ownership

import (
	"os"
	"os/user"
	"time"
)

// NewHolder describes this process.
func NewHolder(operation string) Holder {
	h := Holder{PID: os.Getpid(), Operation: operation, Since: time.Now().UTC().Truncate(time.Second)}
	h.Host = hostID()
	h.Process, _ = process(h.PID)
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// alive reports whether the process that once was pid still runs: another process may have the number by now.
func alive(pid int, identity string) bool {
	current, ok := process(pid)
	return ok && current == identity
}
