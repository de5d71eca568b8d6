package containerexec

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
)

var _ OnceAPI = (*client.Client)(nil)

// once is an engine with at most one container: what it does is a function, of its streams, that returns the exit code.
type once struct {
	work    func(in io.Reader, out func(stream byte, text string)) int
	refuse  map[string]error // by call
	created moby.ContainerCreateOptions
	calls   []string
	peer    net.Conn
	ended   chan container.WaitResponse
}

func (e *once) called(name string) error {
	e.calls = append(e.calls, name)
	return e.refuse[name]
}

func (e *once) ContainerCreate(_ context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	e.created = o
	return moby.ContainerCreateResult{ID: "1"}, e.called("create")
}

func (e *once) ContainerAttach(context.Context, string, moby.ContainerAttachOptions) (moby.ContainerAttachResult, error) {
	ours, theirs := net.Pipe()
	e.peer = theirs
	attached := moby.HijackedResponse{Conn: ours, Reader: bufio.NewReader(ours)}
	return moby.ContainerAttachResult{HijackedResponse: attached}, e.called("attach")
}

func (e *once) ContainerWait(context.Context, string, moby.ContainerWaitOptions) moby.ContainerWaitResult {
	e.ended = make(chan container.WaitResponse, 1)
	failed := make(chan error, 1)
	if err := e.called("wait"); err != nil {
		failed <- err
		return moby.ContainerWaitResult{Error: failed}
	}
	return moby.ContainerWaitResult{Result: e.ended, Error: failed}
}

func (e *once) ContainerStart(context.Context, string, moby.ContainerStartOptions) (moby.ContainerStartResult, error) {
	err := e.called("start")
	if err == nil {
		go func() {
			code := e.work(e.peer, func(stream byte, text string) {
				header := make([]byte, 8, 8+len(text))
				header[0] = stream
				binary.BigEndian.PutUint32(header[4:], uint32(len(text)))
				_, _ = e.peer.Write(append(header, text...))
			})
			e.ended <- container.WaitResponse{StatusCode: int64(code)}
			e.peer.Close()
		}()
	}
	return moby.ContainerStartResult{}, err
}

func (e *once) ContainerRemove(ctx context.Context, name string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error) {
	if ctx.Err() != nil || !o.Force || !o.RemoveVolumes || name != e.created.Name {
		return moby.ContainerRemoveResult{}, errs.Errorf(errs.ErrInternal, "asked to remove %s by %+v: %v", name, o, ctx.Err())
	}
	return moby.ContainerRemoveResult{}, e.called("remove")
}

func TestRunOnce(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		refuse  map[string]error
		options Options
		stuck   bool
		want    Result
		calls   string
		err     string
	}{
		"all of it":     {options: Options{Stdin: []byte("abc"), Limit: 5}, want: Result{ID: "1", ExitCode: 7, Stdout: "got a", Stderr: "bad"}, calls: "create attach wait start remove"},
		"more":          {options: Options{Stdin: []byte("abc"), Limit: 3}, want: Result{ID: "1", ExitCode: 7, Stdout: "t a", Stderr: "bad", Truncated: true}, calls: "create attach wait start remove"},
		"no image":      {refuse: map[string]error{"create": errs.ErrNotFound}, calls: "create", err: "not found"},
		"no attach":     {refuse: map[string]error{"attach": broken}, want: Result{ID: "1"}, calls: "create attach remove", err: "attaching: broken"},
		"no start":      {refuse: map[string]error{"start": broken}, want: Result{ID: "1"}, calls: "create attach wait start remove", err: "starting: broken"},
		"no wait":       {refuse: map[string]error{"wait": broken}, options: Options{Stdin: []byte("abc"), Limit: 9}, want: Result{ID: "1", Stdout: "got a", Stderr: "bad"}, calls: "create attach wait start remove", err: "waiting for its end: broken"},
		"not removed":   {refuse: map[string]error{"remove": broken}, options: Options{Stdin: []byte("abc"), Limit: 9}, want: Result{ID: "1", ExitCode: 7, Stdout: "got a", Stderr: "bad"}, calls: "create attach wait start remove", err: "is left behind, remove it by hand: broken"},
		"already gone":  {refuse: map[string]error{"remove": errs.ErrNotFound}, options: Options{Stdin: []byte("abc"), Limit: 9}, want: Result{ID: "1", ExitCode: 7, Stdout: "got a", Stderr: "bad"}, calls: "create attach wait start remove"},
		"takes forever": {stuck: true, options: Options{Timeout: time.Nanosecond}, want: Result{ID: "1"}, calls: "create attach wait start remove", err: "did not end within 1ns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &once{refuse: c.refuse, work: func(in io.Reader, out func(byte, string)) int {
				first := make([]byte, 3)
				if _, err := io.ReadFull(in, first); err != nil || c.stuck {
					return 1
				}
				out(1, "got "+string(first[:1]))
				out(2, "bad")
				return 7
			}}
			got, err := RunOnce(t.Context(), e, moby.ContainerCreateOptions{Config: &container.Config{}, HostConfig: &container.HostConfig{}}, c.options)
			if err == nil && c.err != "" || err != nil && (c.err == "" || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if c.stuck {
				e.calls, c.calls = nil, "" // how far it came is for the clock to say
				got.ID = "1"
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if calls := strings.Join(e.calls, " "); calls != c.calls {
				t.Errorf("calls %q, want %q", calls, c.calls)
			}
			made := e.created
			if !strings.HasPrefix(made.Name, oncePrefix) || made.HostConfig.LogConfig.Type != "none" || made.Config.OpenStdin != (c.options.Stdin != nil) {
				t.Errorf("created %q, log %q, stdin %v", made.Name, made.HostConfig.LogConfig.Type, made.Config.OpenStdin)
			}
		})
	}
}
