package containerexec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/containerexec/exectest"
)

var _ API = (*client.Client)(nil)

func TestRun(t *testing.T) {
	t.Parallel()
	echo := func(_ exectest.Run, stdin io.Reader, out io.Writer) int {
		text := make([]byte, 5)
		_, _ = io.ReadFull(stdin, text)
		_, _ = out.Write(append(text, "\xff, and more"...))
		return 3
	}
	for name, c := range map[string]struct {
		options Options
		late    int
		want    Result
	}{
		"whole":     {Options{Stdin: []byte("hello"), Limit: 100}, 0, Result{ID: "exec1", ExitCode: 3, Stdout: "hello\uFFFD, and more"}},
		"end":       {Options{Stdin: []byte("hello"), Limit: 4}, 0, Result{ID: "exec1", ExitCode: 3, Stdout: "more", Truncated: true}},
		"terminal":  {Options{Stdin: []byte("hello"), Limit: 100, TTY: true}, 0, Result{ID: "exec1", ExitCode: 3, Stdout: "hello\uFFFD, and more"}},
		"ends late": {Options{Stdin: []byte("hello"), Limit: 100}, 3, Result{ID: "exec1", ExitCode: 3, Stdout: "hello\uFFFD, and more"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := exectest.New(echo)
			e.Late = c.late
			got, err := Run(t.Context(), e, "c", c.options)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// TestUnfinished: a command that takes too long, or that the caller gives up, is killed where that is possible, and the
// error says which.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version string
		shell   bool
		given   bool // the caller gives up
		killed  bool
	}{
		"too long":            {"1.41", true, false, true},
		"given up":            {"1.41", true, true, true},
		"without a mark":      {"1.24", true, false, false},
		"without environment": {"1.18", true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := make(chan struct{})
			var e *exectest.Engine
			e = exectest.New(func(_ exectest.Run, _ io.Reader, out io.Writer) int {
				_, _ = out.Write([]byte("working"))
				close(begun)
				<-e.Killed
				return 137
			})
			e.Version, e.NoShell = c.version, !c.shell
			o := Options{Env: []string{"A=b"}, Limit: 100}
			if c.given {
				go func() { <-begun; cancel() }()
			} else {
				o.Timeout = 200 * time.Millisecond
			}
			r, err := Run(ctx, e, "c", o)
			var unfinished *Unfinished
			if !errors.As(err, &unfinished) || unfinished.Killed != c.killed {
				t.Fatalf("error %v", err)
			}
			if want := map[bool]error{true: context.Canceled, false: errs.ErrUnavailable}[c.given]; !errors.Is(err, want) {
				t.Errorf("error %v, want the cause %v", err, want)
			}
			if r.Stdout != "working" && c.killed {
				t.Errorf("output %q", r.Stdout)
			}
			if !c.killed {
				close(e.Killed)
			}
		})
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	e := exectest.New(nil)
	e.Refuse["gone"] = errs.ErrNotFound
	if r, err := Run(t.Context(), e, "gone", Options{Timeout: time.Hour}); !errors.Is(err, errs.ErrNotFound) || r.ID != "" {
		t.Errorf("%v %v", r, err)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	kept := &tail{limit: 7}
	for _, word := range []string{"", "a", "longer than that", "b", "cd"} {
		whole.WriteString(word)
		if _, err := kept.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
	}
	if want := whole.String()[whole.Len()-7:]; kept.String() != want || !kept.dropped {
		t.Errorf("kept %q, want %q", kept.String(), want)
	}
}
