// Package record writes the messages of the log drivers syslog and journald. It is linked into cleat-monitor.
package record

import (
	"strconv"
	"time"
)

// Syslog is what messages of a container have in common.
type Syslog struct {
	// Format is "" (what /dev/log takes: no host), "rfc3164", "rfc5424" or "rfc5424micro".
	Format string
	// Facility is 0 to 23.
	Facility int64
	// Host, Tag and Pid are the sender's.
	Host, Tag string
	Pid       int64
}

// Severities: of stdout informational, of stderr error.
const (
	info    = 6
	failure = 3
)

func severity(stream byte) int64 {
	if stream == 2 {
		return failure
	}
	return info
}

// Append appends a message. RFC 3164 has times without a zone, which are the host's.
func (s Syslog) Append(dst []byte, stream byte, line []byte, at time.Time) []byte {
	dst = strconv.AppendInt(append(dst, '<'), s.Facility*8+severity(stream), 10)
	dst = append(dst, '>')
	pid := strconv.FormatInt(s.Pid, 10)
	switch s.Format {
	case "rfc5424", "rfc5424micro":
		form := time.RFC3339
		if s.Format == "rfc5424micro" {
			form = "2006-01-02T15:04:05.000000Z07:00"
		}
		dst = at.AppendFormat(append(dst, "1 "...), form)
		for _, word := range []string{s.Host, s.Tag, pid, s.Tag, "-"} {
			dst = append(append(dst, ' '), word...)
		}
		dst = append(dst, ' ')
	default:
		dst = append(at.AppendFormat(dst, time.Stamp), ' ')
		if s.Format == "rfc3164" {
			dst = append(append(dst, s.Host...), ' ')
		}
		dst = append(append(append(append(append(dst, s.Tag...), '['), pid...), ']'), ": "...)
	}
	return append(dst, line...)
}

// Journal appends an entry of journald's native protocol: constant fields, priority and message. more says that the line
// goes on in the next entry. A message with line feeds cannot occur: they end lines.
func Journal(dst []byte, fields string, stream byte, line []byte, more bool) []byte {
	dst = append(dst, fields...)
	dst = strconv.AppendInt(append(dst, "PRIORITY="...), severity(stream), 10)
	if more {
		dst = append(dst, "\nCONTAINER_PARTIAL_MESSAGE=true"...)
	}
	dst = append(append(dst, "\nMESSAGE="...), line...)
	return append(dst, '\n')
}
