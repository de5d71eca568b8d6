package truth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// one declares a container that sleeps, with more attributes.
func (b *bench) one(attributes string) string {
	return fmt.Sprintf("resource \"docker_container\" \"c\" {\nname = \"%s-c\"\nimage = %q\ncommand = [\"sleep\", \"1000\"]\ndestroy_grace_seconds = 0\n%s\n}\n", b.project, acctest.Busybox, attributes)
}

// TestDrift: what is done behind our back is seen as drift, and repaired in place where there is a way.
func TestDrift(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.Cleanup(b.destroy)
		name := b.project + "-c"
		b.write(b.one("memory = 64\nmemory_swap = 128\ncpu_shares = 512\ncpu_set = \"0\"\nrestart = \"on-failure\"\nmax_retry_count = 3"))
		b.apply()
		b.empty("creation")
		signal := "SIGKILL"
		if b.engine.IsOld() {
			signal = "" // which is not for the caller to choose
		}
		update := func(o moby.ContainerUpdateOptions) func() error {
			return func() error { _, err := b.api.ContainerUpdate(b.Context(), name, o); return err }
		}
		resources := func(r container.Resources) func() error { return update(moby.ContainerUpdateOptions{Resources: &r}) }
		for _, d := range []struct {
			what, plan string
			call       bool // the engine's update call, which podman lacks and old versions have not
			do         func() error
		}{
			{"memory", "update memory(drift) memory_swap(drift)", true, resources(container.Resources{Memory: 32 << 20, MemorySwap: 100 << 20})},
			{"shares", "update cpu_shares(drift)", true, resources(container.Resources{CPUShares: 100})},
			{"cpus", "update cpu_set(drift)", true, resources(container.Resources{CpusetCpus: "1"})},
			{"reservation", "replace memory_reservation!(drift)", true, resources(container.Resources{MemoryReservation: 16 << 20})},
			{"period", "replace cpu_period!(drift) cpu_quota!(drift)", true, resources(container.Resources{CPUPeriod: 50000, CPUQuota: 25000})},
			{"share of the processors", "replace cpus!(drift)", true, resources(container.Resources{NanoCPUs: 500_000_000})},
			{"policy", "update max_retry_count(drift) restart(drift)", true, update(moby.ContainerUpdateOptions{RestartPolicy: &container.RestartPolicy{Name: "always"}})},
			{"retries", "update max_retry_count(drift)", true, update(moby.ContainerUpdateOptions{RestartPolicy: &container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 9}})},
			{"rename", "update name(drift)", false, func() error {
				_, err := b.api.ContainerRename(b.Context(), name, moby.ContainerRenameOptions{NewName: name + "-other"})
				return err
			}},
			{"stop", "update must_run(drift)", false, func() error {
				_, err := b.api.ContainerStop(b.Context(), name, moby.ContainerStopOptions{Timeout: new(int)})
				return err
			}},
			{"pause", "update must_run(drift)", false, func() error {
				_, err := b.api.ContainerPause(b.Context(), name, moby.ContainerPauseOptions{})
				return err
			}},
			{"stopped by a person, whatever the policy", "update must_run(drift)", false, func() error {
				_, err := b.api.ContainerStop(b.Context(), name, moby.ContainerStopOptions{Timeout: new(int), Signal: signal})
				return err
			}},
			{"removal", "create: does not exist", false, func() error {
				_, err := b.api.ContainerRemove(b.Context(), name, moby.ContainerRemoveOptions{Force: true})
				return err
			}},
		} {
			if d.call && (b.podman() || b.engine.IsOld()) {
				continue
			}
			id := b.inspect(name).Container.ID
			b.must(d.do())
			got := strings.TrimPrefix(strings.TrimSpace(b.apply().String()), "docker_container.c ")
			b.want(d.what, got, d.plan)
			b.empty("the repair of " + d.what)
			if c := b.inspect(name).Container; !c.State.Running || strings.HasPrefix(d.plan, "update") != (c.ID == id) {
				t.Errorf("%s: running: %v, the same container: %v", d.what, c.State.Running, c.ID == id)
			}
		}
	})
}

// TestMustRun: a container that may stop is left alone when it does, and started when it no longer may.
func TestMustRun(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.Cleanup(b.destroy)
		b.write(b.one("must_run = false"))
		b.apply()
		_, err := b.api.ContainerStop(b.Context(), b.project+"-c", moby.ContainerStopOptions{Timeout: new(int)})
		b.must(err)
		b.empty("its exit")
		b.write(b.one("must_run = true"))
		if got := b.apply(); !strings.HasPrefix(got.String(), "docker_container.c update must_run") {
			t.Errorf("must_run again: %s", got)
		}
		if !b.inspect(b.project + "-c").Container.State.Running {
			t.Error("it does not run")
		}
		b.empty("its start")
	})
}

// TestUploads: a changed file is in the new container.
func TestUploads(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		b.Cleanup(b.destroy)
		for _, c := range []struct{ upload, mode string }{
			{`content = "first"`, "-rw-r--r--"},
			{`content_base64 = "c2Vjb25kIQ=="` + "\nexecutable = true", "-rwxr--r--"},
			{`content = "third one"` + "\npermissions = \"0600\"", "-rw-------"},
		} {
			b.write(b.one("upload {\nfile = \"/tmp/f\"\n" + c.upload + "\n}"))
			b.apply()
			b.empty(c.upload)
			stat, err := b.api.ContainerStatPath(b.Context(), b.project+"-c", moby.ContainerStatPathOptions{Path: "/tmp/f"})
			b.must(err)
			if got := stat.Stat.Mode.String(); got != c.mode || stat.Stat.Size == 0 {
				t.Errorf("%s: %s, %d bytes; want %s", c.upload, got, stat.Stat.Size, c.mode)
			}
		}
	})
}
