package container

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

// playedEngine plays a container's life: the states it is found in, one after each event.
type playedEngine struct {
	API
	mu     sync.Mutex
	states []container.State
	events []events.Message
	output string
	host   string
	is     container.InspectResponse
	stream chan events.Message
	looks  int
}

func (e *playedEngine) DaemonHost() string { return e.host }

func (e *playedEngine) Events(context.Context, moby.EventsListOptions) moby.EventsResult {
	e.stream = make(chan events.Message, len(e.events))
	for _, event := range e.events {
		e.stream <- event
	}
	return moby.EventsResult{Messages: e.stream, Err: make(chan error)}
}

func (e *playedEngine) ContainerStart(context.Context, string, moby.ContainerStartOptions) (moby.ContainerStartResult, error) {
	return moby.ContainerStartResult{}, nil
}

// ContainerInspect answers with the next state, and with the last one from then on.
func (e *playedEngine) ContainerInspect(context.Context, string, moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.is
	c.State = &e.states[min(e.looks, len(e.states)-1)]
	e.looks++
	return moby.ContainerInspectResult{Container: c}, nil
}

// ContainerLogs is what was written; who follows it waits for more while the container's last state is that it runs.
func (e *playedEngine) ContainerLogs(ctx context.Context, _ string, o moby.ContainerLogsOptions) (moby.ContainerLogsResult, error) {
	text := io.NopCloser(strings.NewReader(framed(e.output)))
	if !o.Follow || !e.states[len(e.states)-1].Running {
		return text, nil
	}
	r, w := io.Pipe()
	go func() {
		_, _ = io.Copy(w, text)
		<-ctx.Done()
		w.CloseWithError(ctx.Err())
	}()
	return r, nil
}

// TestWaitFor: each condition comes to hold, or cannot any more, or is not met in time, and the error says which.
func TestWaitFor(t *testing.T) {
	t.Parallel()
	created := container.State{Status: container.StateCreated}
	running := container.State{Status: container.StateRunning, Running: true}
	health := func(s container.HealthStatus) container.State {
		s2 := running
		s2.Health = &container.Health{Status: s, Log: []*container.HealthcheckResult{{ExitCode: 7, Output: "no route\n"}}}
		return s2
	}
	ended := func(code int) container.State { return container.State{Status: container.StateExited, ExitCode: code} }
	die := func(code string) events.Message {
		return events.Message{Action: events.ActionDie, Actor: events.Actor{Attributes: map[string]string{"exitCode": code}}}
	}
	tested := events.Message{Action: "health_status: x"}
	for name, c := range map[string]struct {
		wait    []WaitFor
		restart string
		states  []container.State
		events  []events.Message
		want    string
	}{
		"running":               {[]WaitFor{{State: str("running")}}, "no", []container.State{created, running}, nil, ""},
		"healthy later":         {[]WaitFor{{State: str("healthy")}}, "no", []container.State{created, health("starting"), health("healthy")}, []events.Message{tested}, ""},
		"unhealthy":             {[]WaitFor{{State: str("healthy")}}, "no", []container.State{created, health("starting"), health("unhealthy")}, []events.Message{tested}, "wait_for[0].state: container \"web\" did not become healthy but unhealthy; it is running and unhealthy (its last health test ended with code 7: no route); its last output:\ngetting ready"},
		"no health check":       {[]WaitFor{{State: str("healthy")}}, "no", []container.State{created, running}, nil, "neither it nor its image has a health check"},
		"healthy too late":      {[]WaitFor{{State: str("healthy"), Timeout: str("1ms")}}, "no", []container.State{created, health("starting")}, nil, "did not become healthy within 1ms; it is running and starting"},
		"log":                   {[]WaitFor{{Log: str("^rea.y$")}}, "no", []container.State{created, running}, nil, ""},
		"log of one that ended": {[]WaitFor{{Log: str("ready")}}, "no", []container.State{created, running, ended(0)}, []events.Message{die("0")}, ""},
		"no such log":           {[]WaitFor{{State: str("running")}, {Log: str("^eady")}}, "no", []container.State{created, running, ended(3)}, []events.Message{die("3")}, `wait_for[1].log: container "web" did not write a line that matches "^eady" before it exited with code 3; its last output:`},
		"exited":                {[]WaitFor{{State: str("exited"), ExitCode: num(3)}}, "no", []container.State{created, running, ended(3)}, []events.Message{die("3")}, ""},
		"exited at once":        {[]WaitFor{{State: str("exited")}}, "no", []container.State{created, ended(0)}, nil, ""},
		"other code":            {[]WaitFor{{State: str("exited")}}, "no", []container.State{created, running, ended(3)}, []events.Message{die("3")}, "did not exit with code 0 but with code 3"},
		"tried again":           {[]WaitFor{{State: str("exited")}}, "on-failure", []container.State{created, running, ended(3), running, ended(0)}, []events.Message{die("3"), {Action: "start"}, die("0")}, ""},
		"engine lags":           {[]WaitFor{{State: str("exited"), ExitCode: num(3)}}, "no", []container.State{created, running}, []events.Message{die("3")}, ""},
		"not any more":          {[]WaitFor{{State: str("running")}, {Log: str("ready")}}, "no", []container.State{created, running, ended(1)}, nil, "wait_for[0].state: container \"web\" did not run before it exited with code 1"},
		"unreachable port":      {[]WaitFor{{Port: num(80)}}, "no", []container.State{created, running}, nil, "the engine at tcp://192.0.2.1:2375 is on another host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &playedEngine{states: c.states, events: c.events, output: "getting ready\nready\n", host: "tcp://192.0.2.1:2375"}
			m := declared(func(m *Model) {
				m.ID, m.WaitFor, m.Restart = str(createdID), contract.BlocksOf(c.wait...), str(c.restart)
			})
			err := start(t.Context(), e, m)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error: %v\nwant: %s", err, c.want)
			}
		})
	}
}

// cutEngine ends the first of everything that is followed at once, as one that is restarted under running containers.
type cutEngine struct {
	*playedEngine
	listened, read int
}

func (e *cutEngine) Events(ctx context.Context, o moby.EventsListOptions) moby.EventsResult {
	if e.listened++; e.listened > 1 {
		return e.playedEngine.Events(ctx, o)
	}
	ended := make(chan error, 1)
	ended <- io.EOF
	return moby.EventsResult{Err: ended}
}

func (e *cutEngine) ContainerLogs(ctx context.Context, id string, o moby.ContainerLogsOptions) (moby.ContainerLogsResult, error) {
	if e.read++; e.read > 1 {
		return e.playedEngine.ContainerLogs(ctx, id, o)
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// TestWaitForGoesOn: the end of the engine's events, and of the output it gives, is not the end of what is waited for.
func TestWaitForGoesOn(t *testing.T) {
	t.Parallel()
	running := container.State{Status: container.StateRunning, Running: true}
	tested := running
	tested.Health = &container.Health{Status: "healthy"}
	starting := running
	starting.Health = &container.Health{Status: "starting"}
	for name, c := range map[string]struct {
		wait   WaitFor
		states []container.State
	}{
		"log":    {WaitFor{Log: str("^ready$")}, []container.State{running}},
		"health": {WaitFor{State: str("healthy")}, []container.State{{Status: container.StateCreated}, starting, tested}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &cutEngine{playedEngine: &playedEngine{states: c.states, output: "ready\n"}}
				m := declared(func(m *Model) {
					m.ID, m.WaitFor, m.Restart = str(createdID), contract.BlocksOf(c.wait), str("no")
				})
				if err := start(t.Context(), e, m); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestWaitForPort: a port is open when somebody takes the connection, and not when only the engine's proxy does.
func TestWaitForPort(t *testing.T) {
	t.Parallel()
	listen := func(serve func(net.Conn)) target {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go serve(conn)
			}
		}()
		return target{address: l.Addr().String(), proxied: true}
	}
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	silent := listen(func(c net.Conn) { <-held; c.Close() })
	greets := listen(func(c net.Conn) { fmt.Fprint(c, "220"); c.Close() })
	closes := listen(func(c net.Conn) { c.Close() })
	own := closes
	own.proxied = false
	for name, c := range map[string]struct {
		target
		want bool
	}{"silent": {silent, true}, "greets": {greets, true}, "proxy alone": {closes, false}, "own address": {own, true}, "nobody": {target{address: "127.0.0.1:1"}, false}} {
		if got := c.accepts(t.Context()); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	inside, _ := network.PortFrom(80, network.TCP)
	ip := netip.MustParseAddr
	is := container.InspectResponse{
		HostConfig: &container.HostConfig{},
		NetworkSettings: &container.NetworkSettings{
			Networks: map[string]*network.EndpointSettings{"n": {IPAddress: ip("172.17.0.2"), GlobalIPv6Address: ip("fd00::2")}},
			Ports:    network.PortMap{inside: {{HostIP: ip("0.0.0.0"), HostPort: "8080"}, {HostIP: ip("10.0.0.1"), HostPort: "8081"}}},
		},
	}
	onHost := is
	onHost.HostConfig = &container.HostConfig{NetworkMode: "host"}
	for engine, want := range map[string][]target{
		"unix:///run/docker.sock": {{"172.17.0.2:80", false}, {"[fd00::2]:80", false}, {"127.0.0.1:8080", true}, {"10.0.0.1:8081", true}},
		"ssh://me@far.example":    {{"far.example:8080", true}, {"far.example:8081", true}},
		"":                        {{"172.17.0.2:80", false}, {"[fd00::2]:80", false}, {"127.0.0.1:8080", true}, {"10.0.0.1:8081", true}},
	} {
		if diff := cmp.Diff(want, targetsOf(is, 80, engine), cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", engine, diff)
		}
	}
	if got := targetsOf(onHost, 80, "tcp://far.example:2375"); !slices.Equal(got, []target{{"far.example:80", false}}) {
		t.Errorf("network of the host: %v", got)
	}
	if got := targetsOf(is, 81, "tcp://far.example:2375"); got != nil {
		t.Errorf("not published: %v", got)
	}
}

// TestMatcher: lines are matched whole, however they arrive, and the last one also without its end.
func TestMatcher(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pattern string
		writes  []string
		want    bool
	}{
		"in pieces":         {"^ready$", []string{"not yet\nrea", "dy", "\nmore"}, true},
		"terminal":          {"^ready$", []string{"ready\r\n"}, true},
		"no end":            {"ready", []string{"ready"}, true},
		"two lines":         {"a.*b", []string{"a\nb\n"}, false},
		"empty line":        {"^$", []string{"a\n\n"}, true},
		"nothing":           {"^$", nil, false},
		"beginning of more": {"^ready$", []string{"ready", "ing\n"}, false},
		"no end at all":     {"b", []string{strings.Repeat("a", 2*longestLine), "b"}, false},
	} {
		m := &matcher{pattern: regexp.MustCompile(c.pattern)}
		found := false
		for _, s := range c.writes {
			if _, err := m.Write([]byte(s)); err != nil {
				found = true
				break
			}
		}
		if got := found || m.ends(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestEndedAtOnce: a container that has ended when it is looked at after its start is told of as such, with what it wrote.
// A paused one has not.
func TestEndedAtOnce(t *testing.T) {
	t.Parallel()
	e := &playedEngine{states: []container.State{{}}, output: "no config\n"}
	explain := func(mustRun bool, exit types.Int64) error {
		is := func(mustRun bool, exit types.Int64) types.Object {
			return object(t, declared(func(m *Model) {
				m.ID, m.Start, m.MustRun, m.ExitCode = str("c1"), types.BoolValue(true), types.BoolValue(mustRun), exit
			}))
		}
		return host(t).Explain(t.Context(), e, is(mustRun, types.Int64Unknown()), is(false, exit))
	}
	want := "must_run: container \"web\" exited with code 3, but must_run wants it to go on running: " +
		"mend what it runs, or let it end with must_run = false; its last output:\nno config"
	if err := explain(true, types.Int64Value(3)); err == nil || err.Error() != want {
		t.Errorf("ended: got %v, want %s", err, want)
	}
	if err := explain(true, types.Int64Null()); err != nil {
		t.Errorf("paused: %v", err)
	}
	if err := explain(false, types.Int64Value(3)); err != nil {
		t.Errorf("may end: %v", err)
	}
}
