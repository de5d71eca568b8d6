//go:build linux

package main

import (
	"errors"
	"strings"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A problem is an error whose class is known where it arises.
type problem struct {
	class string
	err   error
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

func invalid(message string) error { return &problem{wire.ClassInvalid, errors.New(message)} }

// signs are what errors of libcontainer's init contain. They cross a process boundary as text, so text is all there is to
// go by. The first that fits wins.
var signs = []struct{ text, class string }{
	{"executable file not found in $PATH", wire.ClassNotFound},
	{"chdir to cwd", wire.ClassCwd},
	{"error during container init: mkdir ", wire.ClassCwd},
	{"unable to setup user", wire.ClassUser},
	{"error mounting", wire.ClassMount},
	{"rootfs_linux.go", wire.ClassMount},
	{"error preparing rootfs", wire.ClassMount},
	{"jailing process", wire.ClassMount},
	{"invalid rootfs", wire.ClassMount},
	{"cannot exec in a stopped container", wire.ClassGone},
	{"container does not exist", wire.ClassGone},
}

// codes are what a shell, and dockerd, show for a command that could not be started.
var codes = map[string]int64{
	wire.ClassNotFound: 127, wire.ClassNotExecutable: 126, wire.ClassCwd: 126, wire.ClassUser: 126,
}

// maxMessage bounds the text of a report: it goes through a packet and into the journal.
const maxMessage = 2 << 10

func classify(err error) wire.Report {
	text := err.Error()
	var known *problem
	class := wire.ClassOther
	if errors.As(err, &known) {
		class = known.class
	} else {
		class = classOf(text)
	}
	code, ok := codes[class]
	if !ok {
		code = 128
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + " …"
	}
	return wire.Report{Class: class, Code: code, Message: text}
}

func classOf(text string) string {
	for _, sign := range signs {
		if strings.Contains(text, sign.text) {
			return sign.class
		}
	}
	// os/exec's errors: exec: "name": reason. The file's name is the container's, so only the end is looked at.
	if strings.Contains(text, `exec: "`) {
		switch {
		case strings.HasSuffix(text, "no such file or directory"):
			return wire.ClassNotFound
		case strings.HasSuffix(text, "permission denied"), strings.HasSuffix(text, "is a directory"), strings.HasSuffix(text, "not a directory"):
			return wire.ClassNotExecutable
		}
	}
	return wire.ClassOther
}
