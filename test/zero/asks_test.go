package zero

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

const (
	update  = plancheck.ResourceActionUpdate
	replace = plancheck.ResourceActionDestroyBeforeCreate
	web     = "docker_container.a"
)

// sleeping is a container that runs, with more in it.
func sleeping(body string) string {
	return "resource \"docker_container\" \"a\" {\n  name = \"PREFIX\"\n  image = \"busybox:1\"\n  command = [\"sleep\", \"1000\"]\n  destroy_grace_seconds = 0\n" + body + "\n}\n"
}

// same keeps the id of the container, and then holds it to it.
func same() resource.TestCheckFunc {
	id := ""
	return resource.TestCheckResourceAttrWith(web, "id", func(v string) error {
		if id != "" && id != v {
			return fmt.Errorf("the container was replaced")
		}
		id = v
		return nil
	})
}

// 1: what image and daemon put into a container replaces it on every plan.
func TestAsk01(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	dir := t.TempDir()
	write(t, dir, "Dockerfile", "FROM busybox:1\nWORKDIR /srv\nUSER 1000\nENV A=1 B=2\nLABEL x=y\nEXPOSE 80\nVOLUME /data\nHEALTHCHECK --interval=1h CMD true\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"sleep\"]\nCMD [\"1000\"]\n")
	b.settled(fmt.Sprintf(`
resource "docker_image" "a" {
  name = "PREFIX:1"
  build { context = %q }
}
resource "docker_container" "by_name" {
  name       = "PREFIX-1"
  image      = docker_image.a.name
  destroy_grace_seconds = 0
}
resource "docker_container" "by_id" {
  name  = "PREFIX-2"
  image = docker_image.a.image_id
  env   = ["C=3"]
  destroy_grace_seconds = 0
}`, dir))
}

// 2: an update that is reported and does nothing.
func TestAsk02(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := func(n int, init bool) string {
		return sleeping(fmt.Sprintf(`
  init       = %t
  tmpfs      = { "/scratch" = "size=%dm" }
  cpu_period = %d0000
  cpu_quota  = %d000
  mounts {
    type   = "volume"
    target = "/data"
    source = "PREFIX-%d"
  }
  healthcheck {
    test     = ["CMD", "true"]
    interval = "%dh"
  }`, init, n, n, n, n, n))
	}
	is := func(n int, init bool) resource.TestCheckFunc {
		return b.shows(b.prefix, func(c container.InspectResponse) (any, any) {
			h := c.HostConfig
			return fmt.Sprint(*h.Init, h.Tmpfs["/scratch"], h.CPUPeriod, h.CPUQuota, h.Mounts[0].Source, c.Config.Healthcheck.Interval),
				fmt.Sprint(init, fmt.Sprintf("size=%dm", n), n*10000, n*1000, fmt.Sprintf("%s-%d", b.prefix, n), fmt.Sprintf("%dh0m0s", n))
		})
	}
	for n := 1; n <= 2; n++ {
		b.Cleanup(func() {
			_, _ = b.docker.VolumeRemove(context.WithoutCancel(b.Context()), fmt.Sprintf("%s-%d", b.prefix, n), moby.VolumeRemoveOptions{Force: true})
		})
	}
	b.run(
		resource.TestStep{Config: config(1, false), Check: is(1, false)},
		does(config(2, true), web, replace, is(2, true)),
		b.nothing(config(2, true)),
		// What the engine can change is changed, on the living container.
		does(strings.Replace(config(2, true), "cpu_quota  = 2000", "cpu_quota  = 3000", 1), web, update, b.shows(b.prefix, func(c container.InspectResponse) (any, any) { return c.HostConfig.CPUQuota, 3000 })),
	)
}

// 3: defaults of the daemon, and of a device, replace. Those of daemon.json are held against in resources/container.
func TestAsk03(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	b.settled(sleeping("log_opts = { max-size = \"1m\" }\n  devices { host_path = \"/dev/null\" }\n  ulimit {\n    name = \"nofile\"\n    soft = 64\n    hard = 64\n  }"))
}

// 4: a stopped container publishes no ports, and is replaced for it.
func TestAsk04(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := sleeping(fmt.Sprintf("must_run = false\n  ports {\n    internal = 80\n    external = %d\n  }\n  ports { internal = 81 }", acctest.FreePort(t)))
	stopped := b.nothing(config)
	stopped.PreConfig = b.behind(func(ctx context.Context) error {
		_, err := b.docker.ContainerStop(ctx, b.prefix, moby.ContainerStopOptions{Timeout: new(0)})
		return err
	})
	b.run(resource.TestStep{Config: config}, stopped)
}

// 5: networks are made again, replace what is attached, and nobody sees when one is gone.
func TestAsk05(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := func(attached string) string {
		return `
resource "docker_network" "inside" {
  name     = "PREFIX-inside"
  internal = true
}
resource "docker_network" "front" {
  name = "PREFIX-front"
  ipam_config { subnet = "SUBNET" }
}
` + sleeping("networks_advanced { name = docker_network.inside.name }\n"+attached)
	}
	both := config("networks_advanced { name = docker_network.front.id }")
	attached := func(names ...string) resource.TestCheckFunc {
		return b.shows(b.prefix, func(c container.InspectResponse) (any, any) {
			have := map[string]bool{}
			for name := range c.NetworkSettings.Networks {
				have[name] = true
			}
			want := map[string]bool{}
			for _, name := range names {
				want[b.prefix+"-"+name] = true
			}
			return have, want
		})
	}
	it := same()
	drifted := does(both, web, update, it, attached("inside", "front"))
	drifted.PreConfig = b.behind(func(ctx context.Context) error {
		_, err := b.docker.NetworkDisconnect(ctx, b.prefix+"-front", moby.NetworkDisconnectOptions{Container: b.prefix})
		return err
	})
	b.run(
		resource.TestStep{Config: config(""), Check: it}, b.nothing(config("")),
		does(both, web, update, it, attached("inside", "front")), b.nothing(both),
		drifted,
		does(config(""), web, update, it, attached("inside")),
	)
}

// 6: podman: everything differs on every plan.
func TestAsk06(t *testing.T) {
	b := newBench(t, acctest.Podman(t))
	b.settled(`
resource "docker_network" "n" { name = "PREFIX" }
resource "docker_volume" "v" { name = "PREFIX" }
` + sleeping(`
  env     = ["A=1"]
  restart = "always"
  memory  = 64
  ports {
    internal = 80
    external = `+fmt.Sprint(acctest.FreePort(t))+`
  }
  capabilities { drop = ["CHOWN"] }
  networks_advanced {
    name    = docker_network.n.name
    aliases = ["web"]
  }
  volumes {
    volume_name    = docker_volume.v.name
    container_path = "/data"
  }
  healthcheck { test = ["CMD", "true"] }
  labels {
    label = "a"
    value = "b"
  }`))
}

// 7: a build does not notice that its context changed, and runs although nothing did.
func TestAsk07(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	dir := t.TempDir()
	write(t, dir, "Dockerfile", "FROM busybox:1\nCOPY . /app\n")
	write(t, dir, ".dockerignore", "notes\n")
	write(t, dir, "app", "one")
	config := fmt.Sprintf("resource \"docker_image\" \"a\" {\n  name = \"PREFIX:1\"\n  build { context = %q }\n}\n", dir)
	edit := func(step resource.TestStep, name string) resource.TestStep {
		step.PreConfig = func() { write(t, dir, name, "two") }
		return step
	}
	b.run(resource.TestStep{Config: config}, b.nothing(config), edit(b.nothing(config), "notes"), edit(does(config, "docker_image.a", update), "app"), b.nothing(config))
}

// 12: the engine has to be reachable, and its address known, when Terraform plans.
func TestAsk12(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := fmt.Sprintf("resource \"terraform_data\" \"host\" { input = %q }\nprovider \"docker\" { host = terraform_data.host.output }\n", b.engine.Host) + sleeping("")
	b.run(resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(web, plancheck.ResourceActionCreate)}}}, b.nothing(config))
}

// 13: waiting for health: without a check it breaks, and it is done at creation only.
func TestAsk13(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	healthy := func(test string) string {
		return sleeping("wait_for {\n    state = \"healthy\"\n    timeout = \"50s\"\n  }\n  healthcheck {\n    test = [\"CMD-SHELL\", \"" + test + "\"]\n    interval = \"300ms\"\n    retries = 2\n  }")
	}
	again := does(healthy("test ! -e /sick"), web, update, b.shows(b.prefix, func(c container.InspectResponse) (any, any) { return c.State.Health.Status, container.Healthy }))
	again.PreConfig = b.behind(func(ctx context.Context) error {
		_, err := b.docker.ContainerStop(ctx, b.prefix, moby.ContainerStopOptions{Timeout: new(0)})
		return err
	})
	b.run(
		resource.TestStep{Config: sleeping("wait = true")},
		resource.TestStep{Config: healthy("echo sick; false"), ExpectError: regexp.MustCompile(`(?s)did not become healthy.*sick`)},
		resource.TestStep{Config: healthy("test ! -e /sick")},
		again,
	)
}

// 14: what was made with `docker run` cannot be imported without a replacement.
func TestAsk14(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	port, _ := network.PortFrom(80, network.TCP)
	b.created(b.prefix, moby.ContainerCreateOptions{
		Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "1000"}, Env: []string{"A=1"}, ExposedPorts: network.PortSet{port: {}}},
		HostConfig: &container.HostConfig{
			PortBindings: network.PortMap{port: {{HostPort: fmt.Sprint(acctest.FreePort(t))}}}, RestartPolicy: container.RestartPolicy{Name: "unless-stopped"},
			Binds: []string{"/tmp:/host:ro"}, Resources: container.Resources{Memory: 64 << 20}, CapAdd: []string{"NET_ADMIN"},
		},
	})
	r, err := b.docker.ContainerInspect(t.Context(), b.prefix, moby.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	external := r.Container.HostConfig.PortBindings[port][0].HostPort
	config := strings.Replace(sleeping(`
  env     = ["A=1"]
  restart = "unless-stopped"
  memory  = 64
  capabilities { add = ["NET_ADMIN"] }
  ports {
    internal = 80
    external = `+external+`
  }
  volumes {
    host_path      = "/tmp"
    container_path = "/host"
    read_only      = true
  }`), "  destroy_grace_seconds = 0\n", "", 1)
	for _, id := range []string{b.prefix, r.Container.ID} {
		imported := b.nothing(config + "import {\n  to = " + web + "\n  id = \"" + id + "\"\n}\n")
		// It is let go of, not destroyed: the next one imports it by its id.
		b.run(imported, resource.TestStep{Config: "removed {\n  from = " + web + "\n  lifecycle { destroy = false }\n}\n"})
	}
}

// 17: destroying many at once fails now and then.
func TestAsk17(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	b.run(resource.TestStep{Config: `
resource "docker_network" "n" { name = "PREFIX" }
resource "docker_container" "a" {
  count   = 8
  name    = "PREFIX-${count.index}"
  image   = "busybox:1"
  command = ["sleep", "1000"]
  destroy_grace_seconds = 0
  networks_advanced {
    name    = docker_network.n.name
    aliases = ["web"]
  }
}`}, resource.TestStep{Config: `resource "docker_network" "n" { name = "PREFIX" }`, Check: func(*terraform.State) error {
		list, err := b.docker.ContainerList(b.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("name", b.prefix)})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("%d containers are left", len(list.Items))
		}
		return err
	}})
}

// 18: a reference with tag and digest is not found, or does not stay.
func TestAsk18(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	registry := acctest.NewRegistry(t, acctest.Auth{})
	name := registry.Push(t, b.engine, acctest.Busybox, "team/app:1")
	pulled, err := b.docker.ImagePull(t.Context(), name, moby.ImagePullOptions{})
	if err == nil {
		err = pulled.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	image, err := b.docker.ImageInspect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	digest := ""
	for _, d := range image.RepoDigests {
		if repository, found, _ := strings.Cut(d, "@"); repository == strings.TrimSuffix(name, ":1") {
			digest = found
		}
	}
	if _, err := b.docker.ImageRemove(t.Context(), name, moby.ImageRemoveOptions{Force: true}); err != nil || digest == "" {
		t.Fatal(err, image.RepoDigests)
	}
	b.settled(fmt.Sprintf("resource \"docker_image\" \"a\" { name = %q }\nresource \"docker_container\" \"a\" {\n  name = \"PREFIX\"\n  image = docker_image.a.name\n  command = [\"sleep\", \"1000\"]\n  destroy_grace_seconds = 0\n}\n", name+"@"+digest))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
