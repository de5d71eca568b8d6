//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	const prefix = "unable to start container process: error during container init: "
	for text, want := range map[string]wire.Report{
		prefix + `exec: "foo": executable file not found in $PATH`:                    {Class: wire.ClassNotFound, Code: 127},
		prefix + `exec: "/foo": stat /foo: no such file or directory`:                 {Class: wire.ClassNotFound, Code: 127},
		prefix + `exec: "/etc/passwd": permission denied`:                             {Class: wire.ClassNotExecutable, Code: 126},
		prefix + `exec: "/etc": is a directory`:                                       {Class: wire.ClassNotExecutable, Code: 126},
		prefix + `exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory`:         {Class: wire.ClassNotExecutable, Code: 126},
		prefix + `chdir to cwd ("/x") set in config.json failed: permission denied`:   {Class: wire.ClassCwd, Code: 126},
		prefix + `mkdir /etc/passwd: not a directory`:                                 {Class: wire.ClassCwd, Code: 126},
		prefix + `unable to setup user: operation not permitted`:                      {Class: wire.ClassUser, Code: 126},
		prefix + `error mounting "/x" to rootfs at "/y": no such file or directory`:   {Class: wire.ClassMount, Code: 128},
		`cannot exec in a stopped container`:                                          {Class: wire.ClassGone, Code: 128},
		`unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: no space left`: {Class: wire.ClassOther, Code: 128},
	} {
		got := classify(errors.New(text))
		if got.Class != want.Class || got.Code != want.Code || got.Message != text {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if got := classify(invalid("nothing to do")); got.Class != wire.ClassInvalid || got.Code != 128 {
		t.Errorf("%+v", got)
	}
	if got := classify(errors.New(strings.Repeat("ü", maxMessage))); len(got.Message) > maxMessage+10 || len(got.Encode()) > wire.MaxPacket {
		t.Errorf("%d bytes", len(got.Message))
	}
}
