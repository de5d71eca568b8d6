package acctest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// startTimeout bounds the start of an engine: seconds on a busy machine, with room.
const startTimeout = 60 * time.Second

// Engine is a running container engine that belongs to the tests alone. It already has the image [Busybox].
type Engine struct {
	// Name of the engine's kind: "dockerd", "podman", "cleatd" or "swarm".
	Name string
	// Host is the address for DOCKER_HOST and the provider's host attribute: "unix:///…".
	Host string
	// Version is the engine's own version, "20.10.24+dfsg1".
	Version string
	// APIMax is the highest API version it speaks, "1.41".
	APIMax string

	// held says that it is kept to an API below what moby's client agrees to speak.
	held    bool
	slot    int
	dir     workdir
	command func() *exec.Cmd
	process *os.Process
	done    <-chan struct{}
	daemon  io.Writer // a line starts a cleatd again
	// pause bounds the time between two looks at a starting engine; zero is longestPause.
	pause time.Duration
}

// longestPause is between two looks at an engine that takes long to start.
const longestPause = 250 * time.Millisecond

// slots counts engines and gives each its part of the address space, once: a bridge stays when its engine was killed. It
// has no meaning beyond this process: the network namespace is our own.
var slots atomic.Int32

// firstPool is the second byte of the first engine's addresses, and pools is how many engines have some: up to 10.195, below
// what tests mean by addresses of others.
const firstPool, pools = 104, 92

// newEngine makes an engine's directory; the caller fills in the command.
func newEngine(kind string) (*Engine, error) {
	if !isolated() {
		return nil, missingf("tests are not isolated: root on Linux is needed, and TestMain must call acctest.Main")
	}
	slot := int(slots.Add(1) - 1)
	if slot >= pools {
		return nil, fmt.Errorf("more than %d engines in one run: each has addresses of its own", pools)
	}
	dir, err := newWorkdir(kind[:1])
	if err != nil {
		return nil, err
	}
	return &Engine{Name: kind, Host: "unix://" + dir.join("sock"), dir: dir, slot: slot}, nil
}

// pool is the /16 from which the engine takes the networks it chooses itself. The lower half of it is the engine's,
// the upper half is for [Engine.Subnet].
func (e *Engine) pool() string { return fmt.Sprintf("10.%d", firstPool+e.slot) }

// Subnet returns the n-th (0–99) of the /24 networks the engine does not choose by itself and no other engine of
// this test binary uses, for tests that declare addresses.
func (e *Engine) Subnet(n int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("%s.%d.0/24", e.pool(), 128+n%100))
}

// Env returns this process's environment with everything about other engines replaced by this one.
func (e *Engine) Env() []string {
	return append(cleanEnv(), "DOCKER_HOST="+e.Host)
}

// Dir is a directory of the engine's own, on the disk that holds its data, for files tests share with containers by
// bind mounts. It is removed with the engine.
func (e *Engine) Dir() string { return e.dir.join("files") }

// Client returns a plain client that speaks the engine's highest version. It is closed with the test. For an engine
// held back to an old version there is none: tests that run there use cleat's own client.
func (e *Engine) Client(tb testing.TB) *client.Client {
	tb.Helper()
	if e.held {
		tb.Fatalf("%s speaks API %s at most, and moby's client does not", e.Host, e.APIMax)
	}
	c, err := e.client()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// client speaks to an engine that is held back without saying a version, which will do for calls whose answers are alike
// in all of them.
func (e *Engine) client() (*client.Client, error) {
	options := []client.Opt{client.WithHost(e.Host)}
	if e.held {
		plain := unversioned{&http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Host, "unix://"))
		}}}
		options = append(options, client.WithHTTPClient(&http.Client{Transport: plain}), client.WithAPIVersion("1.40"))
	}
	return client.New(options...)
}

// unversioned takes the version off the path of a request.
type unversioned struct{ *http.Transport }

var versionPrefix = regexp.MustCompile(`^/v[0-9.]+/`)

func (u unversioned) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Path = versionPrefix.ReplaceAllString(out.URL.Path, "/")
	if strings.HasSuffix(out.URL.Path, "/tag") {
		out.URL.RawQuery += "&force=1" // without it old engines move no name
	}
	return u.Transport.RoundTrip(out)
}

// Log returns the last lines the engine wrote.
func (e *Engine) Log(lines int) string { return tail(e.dir.join("log"), lines) }

// start runs the engine and waits until it answers.
func (e *Engine) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := os.MkdirAll(e.Dir(), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(e.dir.join("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := e.command()
	cmd.Stdout, cmd.Stderr = log, log
	done, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", e.Name, err)
	}
	e.process, e.done = cmd.Process, done
	if err := e.ready(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s: %w\n%s", e.Name, err, e.Log(20)), e.kill())
	}
	return nil
}

// ready asks the engine for its version until it answers, at growing intervals: a new process has no event to wait
// for before its socket is there.
func (e *Engine) ready(ctx context.Context) error {
	c, err := e.client()
	if err != nil {
		return err
	}
	defer c.Close()
	longest := cmp.Or(e.pause, longestPause)
	for pause := min(5*time.Millisecond, longest); ; pause = min(2*pause, longest) {
		answer, err := c.ServerVersion(ctx, client.ServerVersionOptions{})
		if err == nil {
			e.Version, e.APIMax = answer.Version, answer.APIVersion
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.done:
			timer.Stop()
			return errors.New("ended while starting")
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("does not answer: %w", err)
		}
	}
}

// kill ends the engine and everything that runs in it, and returns when all of it is gone.
func (e *Engine) kill() error {
	if e.process == nil {
		return nil
	}
	err := e.process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	err = errors.Join(err, thaw(e.dir))
	<-e.done
	return err
}

// Close ends the engine and removes what it kept.
func (e *Engine) Close() error { return errors.Join(e.kill(), e.dir.remove()) }

// Kill ends the engine, with every container in it, as a power cut would. Only for engines of the test's own
// ([NewDockerd], [NewPodman]).
func (e *Engine) Kill(tb testing.TB) {
	tb.Helper()
	if err := e.kill(); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts a killed engine again on the same data and at the same address.
func (e *Engine) Restart(tb testing.TB) {
	tb.Helper()
	if err := e.start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// ColdStart ends an engine of the caller's own and returns how long its next start takes on the same data, to within
// a millisecond, from its program's exec to its first answer.
func (e *Engine) ColdStart(ctx context.Context) (time.Duration, error) {
	if err := e.kill(); err != nil {
		return 0, err
	}
	e.pause = time.Millisecond
	defer func() { e.pause = 0 }()
	began := time.Now()
	err := e.start(ctx)
	return time.Since(began), err
}

// PIDNamespace identifies the process namespace the engine runs in, as the link /proc/PID/ns/pid does. Containers
// have namespaces of their own.
func (e *Engine) PIDNamespace() (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", e.process.Pid))
}

// Root is the directory of everything the engine keeps.
func (e *Engine) Root() string { return e.dir.path }
