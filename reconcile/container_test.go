package reconcile_test

import (
	"strconv"
	"strings"
	"testing"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile"
)

func (b *bench) client() *client.Client {
	b.t.Helper()
	c, err := client.New(b.t.Context(), client.Config{Host: b.engine.Host})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestContainerLifecycle(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		b := newBench(t, e)
		if err := acctest.LoadBusybox(t.Context(), b.client().Client, acctest.Busybox); err != nil {
			t.Fatal(err)
		}
		declare := func(attributes string) {
			b.write(`
resource "docker_container" "web" {
  name    = "` + b.project + `-web"
  image   = "` + acctest.Busybox + `"
  command = ["sleep", "1000"]
  destroy_grace_seconds = 1
` + attributes + `
}
`)
		}
		declare(`env = ["A=1", "B=2"]`)
		text, _ := b.apply(reconcile.PlanOptions{})
		b.want("create", text, "docker_container.web create: does not exist\n")
		b.want("again", b.plan(reconcile.PlanOptions{}), "")

		declare(`
  env = ["B=2", "A=1"]
  restart = "always"
  memory = 64`)
		text, _ = b.apply(reconcile.PlanOptions{})
		replaces := e.Name == "podman" || e.IsOld() // have no update call, and the plan knows
		if replaces {
			b.want("in place", text, "docker_container.web replace memory!(configuration) restart!(configuration)\n")
		} else {
			b.want("in place", text, "docker_container.web update memory(configuration) restart(configuration)\n")
		}
		b.want("after in place", b.plan(reconcile.PlanOptions{}), "")

		if _, err := b.client().ContainerStop(t.Context(), b.project+"-web", moby.ContainerStopOptions{Timeout: new(int)}); err != nil {
			t.Fatal(err)
		}
		text, _ = b.apply(reconcile.PlanOptions{})
		b.want("drift", text, "docker_container.web update must_run(drift)\n")
		b.want("after repair", b.plan(reconcile.PlanOptions{}), "")

		declare(`env = ["A=2"]`)
		text, _ = b.apply(reconcile.PlanOptions{})
		restart := "restart"
		if replaces {
			restart = "restart!"
		}
		b.want("replace", text, "docker_container.web replace env!(configuration) memory!(configuration) "+restart+"(configuration)\n")
		b.want("after replace", b.plan(reconcile.PlanOptions{}), "")
		b.apply(reconcile.PlanOptions{Destroy: true})
		b.clean()
	})
}

// A replacement whose successor does not come up leaves the old container as it was.
func TestReplacementComesBackWhenItFails(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		b := newBench(t, e)
		if err := acctest.LoadBusybox(t.Context(), b.client().Client, acctest.Busybox); err != nil {
			t.Fatal(err)
		}
		port := strconv.Itoa(acctest.FreePort(t))
		if e.Name == "podman" {
			port = "null" // the service of 4.3 keeps the port of a container that did not start, until its garbage is collected
		}
		declare := func(command string) {
			b.write(`
resource "docker_container" "web" {
  name    = "` + b.project + `-web"
  image   = "` + acctest.Busybox + `"
  command = ` + command + `
  destroy_grace_seconds = 1
  ports {
    internal = 80
    external = ` + port + `
  }
}
`)
		}
		declare(`["sleep", "1000"]`)
		b.apply(reconcile.PlanOptions{})
		before, err := b.client().ContainerInspect(t.Context(), b.project+"-web", moby.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		declare(`["/no/such/program"]`)
		p := b.open()
		b.ok(p.Lock(t.Context(), 0, "apply"))
		made, diags := p.Plan(t.Context(), reconcile.PlanOptions{})
		b.ok(diags)
		report, diags := p.Apply(t.Context(), made, nil)
		if !diags.HasErrors() || report.Complete() || !strings.Contains(diags.Error(), "the old one is back") {
			t.Errorf("got %v, want an error and the old container back", diags)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := b.client().ContainerInspect(t.Context(), b.project+"-web", moby.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if after.Container.ID != before.Container.ID || !after.Container.State.Running {
			t.Errorf("%s running: %v; want %s running", after.Container.ID, after.Container.State.Running, before.Container.ID)
		}
		declare(`["sleep", "1000"]`)
		b.want("declared as it was", b.plan(reconcile.PlanOptions{}), "")
		declare(`["sleep", "2000"]`)
		b.apply(reconcile.PlanOptions{})
		b.want("after a good replacement", b.plan(reconcile.PlanOptions{}), "")
		b.apply(reconcile.PlanOptions{Destroy: true})
		b.clean()
		list, err := b.client().ContainerList(t.Context(), moby.ContainerListOptions{All: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.Items {
			if strings.Contains(c.Names[0], strings.ToLower(b.project)) {
				t.Errorf("%s is left", c.Names[0])
			}
		}
	})
}

// Addresses are checked at plan: against the network's own ranges, and against each other.
func TestAddressesAtPlan(t *testing.T) {
	e := acctest.Dockerd(t)
	b := newBench(t, e)
	declare := func(first, second string) string {
		b.write(`
resource "docker_network" "front" {
  name = "` + b.project + `"
  ipam_config { subnet = "10.99.7.0/24" }
}
resource "docker_container" "box" {
  for_each = { a = "` + first + `", b = "` + second + `" }
  name     = "` + b.project + `-${each.key}"
  image    = "` + acctest.Busybox + `"
  networks_advanced {
    name         = docker_network.front.name
    ipv4_address = each.value
  }
}
`)
		_, diags := b.open().Plan(t.Context(), reconcile.PlanOptions{})
		return diags.Error()
	}
	if got := declare("10.99.7.2", "10.99.7.3"); got != "no diagnostics" {
		t.Errorf("two addresses of the range: %s", got)
	}
	if got := declare("10.99.7.2", "10.99.8.3"); !strings.Contains(got, "10.99.8.3 is not in a subnet") || !strings.Contains(got, "main.tf:12") {
		t.Errorf("an address outside: %s", got)
	}
	if got := declare("10.99.7.2", "10.99.7.2"); !strings.Contains(got, `address 10.99.7.2 on network`) {
		t.Errorf("one address twice: %s", got)
	}
}
