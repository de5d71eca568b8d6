package testcontainers

import (
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// run starts a container that ends with the test.
func run(t *testing.T, image string, options ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	t.Helper()
	// Nothing here ends by itself when told to.
	kill := testcontainers.WithConfigModifier(func(config *container.Config) { config.StopSignal = "KILL" })
	c, err := testcontainers.Run(t.Context(), image, append([]testcontainers.ContainerCustomizer{kill}, options...)...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get is the answer of a web server.
func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestPorts: a server is waited for by its port, from inside and outside, and by its answer; stopped and started again.
func TestPorts(t *testing.T) {
	t.Parallel()
	c := run(t, "cleat-test/http:1", testcontainers.WithExposedPorts("80/tcp"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("80/tcp"), wait.ForHTTP("/").WithPort("80/tcp"), wait.ForExposedPort()))
	endpoint, err := c.PortEndpoint(t.Context(), "80/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, endpoint); got != "hello from cleat\n" {
		t.Errorf("%q", got)
	}
	if err := c.Stop(t.Context(), new(time.Duration)); err != nil {
		t.Fatal(err)
	}
	if state, err := c.State(t.Context()); err != nil || state.Running {
		t.Errorf("%+v, %v", state, err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if endpoint, err = c.PortEndpoint(t.Context(), "80/tcp", "http"); err != nil {
		t.Fatal(err)
	}
	if got := get(t, endpoint); got != "hello from cleat\n" {
		t.Errorf("%q after a start", got)
	}
}

// lines consumes a log.
type lines chan string

// Accept is called for each line.
func (l lines) Accept(line testcontainers.Log) { l <- string(line.Content) }

// TestLog: a line of the log is waited for, and the log is followed; commands and files go in and out.
func TestLog(t *testing.T) {
	t.Parallel()
	heard := make(lines, 100)
	c := run(t, "busybox:1", testcontainers.WithCmd("sh", "-c", "cat /etc/motd; echo ready; echo err >&2; until [ -e /go ]; do sleep 0.05; done; echo gone; exec sleep 600"),
		testcontainers.WithFiles(testcontainers.ContainerFile{Reader: strings.NewReader("of the day\n"), ContainerFilePath: "/etc/motd", FileMode: 0o644}),
		testcontainers.WithLogConsumers(heard), testcontainers.WithEnv(map[string]string{"A": "b"}),
		testcontainers.WithWaitStrategy(wait.ForLog("ready")))
	code, out, err := c.Exec(t.Context(), []string{"sh", "-c", "echo $A; exit 3"}, exec.Multiplexed())
	if err != nil || code != 3 {
		t.Fatalf("exec: %d, %v", code, err)
	}
	if got, err := io.ReadAll(out); err != nil || string(got) != "b\n" {
		t.Errorf("exec: %q, %v", got, err)
	}
	if err := c.CopyToContainer(t.Context(), []byte("content"), "/tmp/file", 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := c.CopyFileFromContainer(t.Context(), "/tmp/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || string(got) != "content" {
		t.Errorf("file: %q, %v", got, err)
	}
	if err := c.CopyToContainer(t.Context(), nil, "/go", 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for !slices.Contains(got, "gone\n") {
		select {
		case line := <-heard:
			got = append(got, line)
		case <-time.After(time.Minute):
			t.Fatalf("only %q", got)
		}
	}
	slices.Sort(got)
	if want := []string{"err\n", "gone\n", "of the day\n", "ready\n"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	log, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if all, err := io.ReadAll(io.LimitReader(log, 100)); err != nil || strings.Count(string(all), "\n") != 4 {
		t.Errorf("log: %q, %v", all, err)
	}
}

// TestNetwork: two containers see each other by name.
func TestNetwork(t *testing.T) {
	t.Parallel()
	n, err := network.New(t.Context())
	testcontainers.CleanupNetwork(t, n)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "cleat-test/http:1", network.WithNetwork([]string{"web"}, n), testcontainers.WithExposedPorts("80/tcp"), testcontainers.WithWaitStrategy(wait.ForListeningPort("80/tcp")))
	c := run(t, "busybox:1", network.WithNetwork(nil, n), testcontainers.WithCmd("sleep", "600"), testcontainers.WithWaitStrategy(wait.ForExec([]string{"wget", "-qO-", "http://web/"})))
	if names, err := c.Networks(t.Context()); err != nil || !slices.Equal(names, []string{n.Name}) {
		t.Errorf("networks %q, %v", names, err)
	}
}

// TestBuild: the image is built for the test and goes with it.
func TestBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/Dockerfile", []byte("FROM busybox:1\nARG WORD\nRUN echo $WORD > /word\nCMD [\"cat\", \"/word\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	word := "magic"
	c := run(t, "", testcontainers.WithDockerfile(testcontainers.FromDockerfile{Context: dir, BuildArgs: map[string]*string{"WORD": &word}}),
		testcontainers.WithWaitStrategy(wait.ForExit()))
	log, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if got, err := io.ReadAll(log); err != nil || string(got) != "magic\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestHealth: a container is waited for until it is healthy.
func TestHealth(t *testing.T) {
	t.Parallel()
	c := run(t, "busybox:1", testcontainers.WithCmd("sh", "-c", "sleep 0.3; touch /ok; exec sleep 600"),
		testcontainers.WithConfigModifier(func(config *container.Config) {
			config.StopSignal = "KILL"
			config.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "cat", "/ok"}, Interval: 100 * time.Millisecond, Retries: 100}
		}), testcontainers.WithWaitStrategy(wait.ForHealthCheck()))
	if state, err := c.State(t.Context()); err != nil || state.Health == nil || state.Health.Status != container.Healthy {
		t.Errorf("%+v, %v", state, err)
	}
}

var leave = flag.Bool("leave", false, "run TestLeft")

// TestLeft leaves everything behind, as a test that crashes does, and it is the reaper's to remove: only for a run that
// looks what becomes of it.
func TestLeft(t *testing.T) {
	if !*leave {
		t.Skip("-leave is not given")
	}
	ctx := context.WithoutCancel(t.Context())
	n, err := network.New(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testcontainers.Run(ctx, "busybox:1", testcontainers.WithCmd("sleep", "600"), network.WithNetwork(nil, n)); err != nil {
		t.Fatal(err)
	}
	os.Exit(0)
}
