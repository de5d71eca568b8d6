package acctest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// create makes a container and removes it with the test.
func create(t *testing.T, c *client.Client, options client.ContainerCreateOptions) string {
	t.Helper()
	made, err := c.ContainerCreate(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := c.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
			t.Error(err)
		}
	})
	return made.ID
}

func start(t *testing.T, c *client.Client, id string) {
	t.Helper()
	if _, err := c.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
}

func createNetwork(t *testing.T, c *client.Client, name string, subnet netip.Prefix) {
	t.Helper()
	options := client.NetworkCreateOptions{IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}}
	if _, err := c.NetworkCreate(t.Context(), name, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := c.NetworkRemove(ctx, name, client.NetworkRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// fetch asks until the server in a container that was just started listens.
func fetch(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		body, err := get(ctx, url)
		if err == nil {
			return body
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// get asks once. What holds the port for podman takes a connection that comes before its rules and never answers it.
func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// run runs a command in a new container and returns its exit code and output.
func run(t *testing.T, c *client.Client, host *container.HostConfig, cmd ...string) (int64, string) {
	t.Helper()
	id := create(t, c, client.ContainerCreateOptions{
		Config: &container.Config{Image: acctest.Busybox, Cmd: cmd, Tty: true}, HostConfig: host,
	})
	wait := c.ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	start(t, c, id)
	var code int64
	select {
	case status := <-wait.Result:
		code = status.StatusCode
	case err := <-wait.Error:
		t.Fatal(err)
	}
	logs, err := c.ContainerLogs(t.Context(), id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	output, err := io.ReadAll(logs)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(output)
}

func pull(t *testing.T, c *client.Client, ref string) error {
	t.Helper()
	answer, err := c.ImagePull(t.Context(), ref, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	defer answer.Close()
	return answer.Wait(t.Context())
}

func TestPublishedPort(t *testing.T) {
	t.Parallel()
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		c, port := e.Client(t), acctest.FreePort(t)
		createNetwork(t, c, "port", e.Subnet(1))
		id := create(t, c, client.ContainerCreateOptions{
			Name:   "server",
			Config: &container.Config{Image: acctest.HTTPServer},
			HostConfig: &container.HostConfig{
				NetworkMode:   "port",
				RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyAlways},
				PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{
					HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: fmt.Sprint(port),
				}}},
			},
		})
		start(t, c, id)
		if got := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/", port)); got != "hello from cleat\n" {
			t.Errorf("answer %q", got)
		}
		// Names resolve between containers of one network.
		code, out := run(t, c, &container.HostConfig{NetworkMode: "port"}, "wget", "-q", "-O", "-", "http://server/")
		if code != 0 || strings.TrimSpace(out) != "hello from cleat" {
			t.Errorf("from another container: exit %d, %q", code, out)
		}
	})
}

func TestRestartPolicy(t *testing.T) {
	t.Parallel()
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		c := e.Client(t)
		id := create(t, c, client.ContainerCreateOptions{
			Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"false"}},
			HostConfig: &container.HostConfig{
				RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: 2},
			},
		})
		events := c.Events(t.Context(), client.EventsListOptions{Filters: client.Filters{}.Add("container", id)})
		start(t, c, id)
		for died := 0; died < 3; { // the first run and two more
			select {
			case event := <-events.Messages:
				if event.Action == "die" || event.Action == "died" { // podman's own word
					died++
				}
			case err := <-events.Err:
				t.Fatalf("after %d exits: %v", died, err)
			case <-time.After(20 * time.Second):
				t.Fatalf("only %d exits", died)
			}
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		host := &container.HostConfig{Resources: container.Resources{Memory: 64 << 20}}
		code, out := run(t, e.Client(t), host, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null")
		if !strings.Contains(out, "67108864") {
			t.Errorf("exit %d, %q", code, out)
		}
	})
}

func TestVolumeIsReachableFromTheTest(t *testing.T) {
	t.Parallel()
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		if code, out := run(t, e.Client(t), &container.HostConfig{Binds: []string{e.Dir() + ":/data"}}, "touch", "/data/"+e.Name); code != 0 {
			t.Errorf("exit %d, %q", code, out)
		}
	})
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]acctest.Auth{"anonymous": {}, "password": {Username: "ann", Password: "s3cret:with colon"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := acctest.NewRegistry(t, auth)
			acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
				ref := r.Push(t, e, acctest.Busybox, "team/"+e.Name+":1")
				answer, err := r.Do(t.Context(), http.MethodHead, "/v2/team/"+e.Name+"/manifests/1")
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", ref, answer.Status)
				}
				err = pull(t, e.Client(t), ref)
				if refused, closed := err != nil, auth != (acctest.Auth{}); refused != closed {
					t.Errorf("pull without credentials: %v", err)
				}
			})
		})
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(testing.TB) *acctest.Engine{"dockerd": acctest.NewDockerd, "podman": acctest.NewPodman} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := begin(t)
			c, port := e.Client(t), acctest.FreePort(t)
			id := create(t, c, client.ContainerCreateOptions{
				Config: &container.Config{Image: acctest.HTTPServer},
				HostConfig: &container.HostConfig{
					PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{HostPort: fmt.Sprint(port)}}},
				},
			})
			start(t, c, id)
			url := fmt.Sprintf("http://127.0.0.1:%d/", port)
			fetch(t, url)
			if _, err := c.ContainerPause(t.Context(), id, client.ContainerPauseOptions{}); err != nil {
				t.Fatal(err) // a frozen process is the one that is hard to kill
			}
			e.Kill(t)
			if _, err := c.Ping(t.Context(), client.PingOptions{}); err == nil {
				t.Error("answers after it was killed")
			}
			e.Restart(t)
			found, err := c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if found.Container.State.Running {
				t.Error("a container outlived its engine")
			}
			start(t, c, id)
			fetch(t, url)
		})
	}
}

func TestImagesAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	first, err := acctest.RootFS(nil)
	if err != nil {
		t.Skip(err)
	}
	second, err := acctest.RootFS(nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("two file systems differ")
	}
}

// An engine that is held back has the images of all, and answers as one of its time: to a client that says no version,
// too.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	for highest, announced := range map[string]string{"1.18": "", "1.30": "1.30"} {
		e := acctest.NewHeldCleatd(t, highest)
		if e.Name != "cleatd" || e.APIMax != highest || e.IsOld() != (highest == "1.18") {
			t.Errorf("%s: %s with API %s, old: %v", highest, e.Name, e.APIMax, e.IsOld())
		}
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Host, "unix://"))
		}}
		t.Cleanup(transport.CloseIdleConnections)
		for path, want := range map[string]int{"/images/" + acctest.HTTPServer + "/json": 200, "/v" + highest + "/_ping": 200, "/v1.44/_ping": 400} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := resp.Header.Get("Api-Version"); resp.StatusCode != want || got != announced {
				t.Errorf("%s: %s: %s, announced %q; want %d, %q", highest, path, resp.Status, got, want, announced)
			}
		}
	}
}
