package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// withInit runs a container to its end, with an init unless the host configuration says otherwise.
type withInit struct {
	host    container.HostConfig
	tty     bool
	command []string
	// input is sent to the terminal when the output has "ready".
	input string
}

// run returns what the container wrote, and its exit code.
func (w withInit) run(t *testing.T, e *engine) (string, int64) {
	t.Helper()
	ctx, c := context.WithoutCancel(t.Context()), e.Client(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.host.NetworkMode = "none"
	if w.host.Init == nil {
		w.host.Init = new(true)
	}
	made, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   fmt.Sprintf("init-%d", e.names.Add(1)),
		Config: &container.Config{Image: acctest.Busybox, Cmd: w.command, Tty: w.tty, OpenStdin: true}, HostConfig: &w.host,
	})
	must(err)
	defer func() {
		_, err := c.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true})
		must(err)
	}()
	session, err := c.ContainerAttach(ctx, made.ID, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	must(err)
	defer session.Close()
	ended := c.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err = c.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	must(err)
	var out bytes.Buffer
	if w.tty {
		if w.input != "" { // what asks for none may have ended
			for b := make([]byte, 1000); !strings.Contains(out.String(), "ready"); {
				n, err := session.Reader.Read(b)
				must(err)
				out.Write(b[:n])
			}
			_, err = io.WriteString(session.Conn, w.input)
			must(err)
		}
		_, err = io.Copy(&out, session.Reader)
	} else {
		_, err = stdcopy.StdCopy(&out, &out, session.Reader)
	}
	must(err)
	select {
	case r := <-ended.Result:
		return strings.ReplaceAll(out.String(), "\r\n", "\n"), r.StatusCode
	case err := <-ended.Error:
		t.Fatal(err)
	}
	return "", 0
}

// TestInit: a container with an init looks like on any engine from inside.
func TestInit(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Parallel()
		no := false
		sh := func(script string) []string { return []string{"sh", "-c", script} }
		for name, tc := range map[string]struct {
			withInit
			text string // "*" in front: somewhere
			code int64
		}{
			"its name and the command's group": {withInit{command: sh(
				`tr '\0' ' ' < /proc/1/cmdline | cut -c1-26; cut -d' ' -f4,5 /proc/$$/stat | sed "s/ $$\$/ own/"`)},
				"/sbin/docker-init -- sh -c\n1 own\n", 0},
			"exit code":       {withInit{command: sh("exit 7")}, "", 7},
			"killed":          {withInit{command: sh("kill -9 $$")}, "", 137},
			"command in PATH": {withInit{command: []string{"echo", "a b", ""}}, "a b \n", 0},
			"not found":       {withInit{command: []string{"nope"}}, "*nope", 127},
			"not executable":  {withInit{command: []string{"/etc/passwd"}}, "*/etc/passwd", 126},
			"orphans are reaped": {withInit{command: sh(`for n in 1 2 3 4 5 6 7 8; do (true & ); done
				while ls -d /proc/[0-9]* | xargs -n1 sh -c 'grep -h "^State:.Z" $0/status 2>/dev/null' | grep -q Z; do :; done; echo none`)},
				"none\n", 0},
			"orphans end with the command": {withInit{command: sh("(sleep 1000 &); exit 3")}, "", 3},
			"signals reach the command":    {withInit{command: sh(`trap 'echo USR1; exit 9' USR1; kill -USR1 1; while :; do sleep 0.01; done`)}, "USR1\n", 9},
			// But 32 and 33, which a dockerd passes on from what started it; daemon/runtime has a test of its own.
			"no signal is blocked or ignored": {withInit{command: sh(`grep -E "^Sig(Blk|Ign)" /proc/self/status | sed -E 's/^(SigIgn:.0{7})[01][08](0{7})$/\100\2/'`)},
				"SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", 0},
			"no descriptor is left":     {withInit{command: []string{"ls", "/proc/self/fd"}}, "0\n1\n2\n3\n", 0}, // 3 is the folder
			"input":                     {withInit{tty: true, command: sh("echo ready; read x; echo $x"), input: "hello\n"}, "ready\nhello\nhello\n", 0},
			"keys go to the command":    {withInit{tty: true, command: sh(`trap 'echo INT; exit 5' INT; echo ready; while :; do sleep 0.01; done`), input: "\x03"}, "ready\n^CINT\n", 5},
			"the terminal's foreground": {withInit{tty: true, command: sh(`cut -d' ' -f8 /proc/$$/stat | sed "s/^$$\$/own/"`)}, "own\n", 0},
			"none":                      {withInit{host: container.HostConfig{Init: &no}, command: sh("echo $$")}, "1\n", 0},
			"none in the host's processes": {withInit{host: container.HostConfig{PidMode: "host"}, command: sh(
				"test $$ != 1; ls /sbin/docker-init 2>/dev/null; echo $PPID | grep -vx 1 >/dev/null && echo other")},
				"other\n", 0},
			"read-only": {withInit{host: container.HostConfig{ReadonlyRootfs: true}, command: sh("echo x > /sbin/docker-init || echo no")}, "*no\n", 0},
			"not root":  {withInit{host: container.HostConfig{CapDrop: []string{"ALL"}}, command: sh("id -u")}, "0\n", 0},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				text, code := tc.run(t, e)
				within, somewhere := strings.CutPrefix(tc.text, "*")
				if code != tc.code || somewhere && !strings.Contains(text, within) || !somewhere && text != tc.text {
					t.Errorf("exit code %d, want %d; output %q, want %q", code, tc.code, text, tc.text)
				}
			})
		}
	})
}

// TestInitInspect: the program of a container is what was asked for, with an init or without.
func TestInitInspect(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		p := e.probed(t, nil, &container.HostConfig{Init: new(true)}).start()
		found, err := p.ContainerInspect(t.Context(), p.id, client.ContainerInspectOptions{})
		p.must(err)
		if c := found.Container; c.Path != "sleep" || fmt.Sprint(c.Args) != "[1000]" || c.HostConfig.Init == nil || !*c.HostConfig.Init || len(c.Mounts) > 0 {
			t.Errorf("%s %v, %+v, mounts %v", c.Path, c.Args, c.HostConfig.Init, c.Mounts)
		}
		info, err := p.Info(t.Context(), client.InfoOptions{})
		p.must(err)
		if info.Info.InitBinary != "docker-init" {
			t.Errorf("InitBinary %q", info.Info.InitBinary)
		}
	})
}
