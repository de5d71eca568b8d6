//go:build linux

package main

import (
	"errors"
)

// A logger is a log driver.
type logger interface {
	// write takes output of a stream, 1 or 2. The data is valid during the call only.
	write(stream byte, data []byte)
	// end takes note that a run is over: unfinished lines are written as they are.
	end()
	// idle gives memory back.
	idle()
	// close is called once, at the end of all.
	close()
	// pending reports whether something is still on its way; the driver calls leave when it no longer is.
	pending() bool
}

var errDriver = errors.New("unknown log driver")

// openLog opens the container's log driver.
func (m *monitor) openLog() (logger, error) {
	switch m.conf.Driver {
	case "none":
		return noLog{}, nil
	case "json-file":
		return openLogFile(m.conf)
	case "syslog", "journald":
		return m.openSocketLog(m.conf)
	}
	return nil, errDriver
}

type noLog struct{}

func (noLog) write(byte, []byte) {}
func (noLog) end()               {}
func (noLog) idle()              {}
func (noLog) close()             {}
func (noLog) pending() bool      { return false }
