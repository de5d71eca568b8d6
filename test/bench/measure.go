//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// bench holds what all sizes share.
type bench struct {
	proxy            *proxy
	report           *report
	dir              string
	cleat, terraform string
	// verbose lists the requests of each command.
	verbose bool
}

// usage is what one command took.
type usage struct {
	requests, bytes int64
	wall, cpu       time.Duration
	// rss is the peak of the program itself, in bytes; provider that of the plugin it started.
	rss, provider int64
}

// binaries measures sizes.
func (b *bench) binaries() error {
	info, err := os.Stat("bin/terraform-provider-docker")
	if err != nil {
		return fmt.Errorf("%w: run 'make build'", err)
	}
	b.report.hard("provider binary", float64(info.Size())/(1<<20), 40, "MB")
	if _, err := os.Stat(b.cleat); err != nil {
		return fmt.Errorf("%w: run 'make build'", err)
	}
	return nil
}

// size measures one number of containers.
func (b *bench) size(ctx context.Context, n int) error {
	b.report.heading("N = %d", n)
	// The first container after a start pays for caches everyone uses later.
	if _, err := bare(ctx, b.proxy.host, 1); err != nil {
		return err
	}
	floor, err := bare(ctx, b.proxy.host, n)
	if err != nil {
		return err
	}
	b.proxy.take()
	b.proxy.takeKinds()
	b.report.say("bare create+start", floor.Seconds(), "s")

	project, err := b.project("cleat", n)
	if err != nil {
		return err
	}
	apply, err := b.command(ctx, project, nil, b.cleat, "apply", "-auto-approve", "-no-color", "-parallelism=10")
	if err != nil {
		return err
	}
	plan, err := b.command(ctx, project, nil, b.cleat, "plan", "-detailed-exitcode", "-no-color")
	if err != nil {
		return err
	}
	destroy, err := b.command(ctx, project, nil, b.cleat, "destroy", "-auto-approve", "-no-color", "-parallelism=10")
	if err != nil {
		return err
	}
	b.report.hard("cleat plan, no change: requests", float64(plan.requests), float64(n+5), "")
	b.report.hard("cleat apply: requests", float64(apply.requests), float64(2*n+10), "")
	b.report.hard("cleat destroy: requests", float64(destroy.requests), float64(2*n+10), "")
	b.report.say("cleat plan: bytes a container", float64(plan.bytes)/float64(n), "B")
	b.report.soft("cleat apply / bare", apply.wall.Seconds()/floor.Seconds(), 1.15, "x")
	b.report.say("cleat apply", apply.wall.Seconds(), "s")
	b.report.soft("cleat plan: CPU", plan.cpu.Seconds(), 1.5, "s")
	b.report.soft("cleat plan: peak RSS", megabytes(plan.rss), 80, "MB")
	b.report.say("cleat plan", plan.wall.Seconds(), "s")
	b.report.say("cleat destroy", destroy.wall.Seconds(), "s")
	if b.terraform == "" {
		return nil
	}
	return b.withTerraform(ctx, n)
}

// withTerraform measures the same project under terraform, for comparison; of it only the provider is ours.
func (b *bench) withTerraform(ctx context.Context, n int) error {
	project, err := b.project("terraform", n)
	if err != nil {
		return err
	}
	env, err := b.mirror()
	if err != nil {
		return err
	}
	steps := []struct {
		name string
		args []string
	}{
		{"", []string{"init", "-no-color"}},
		{"apply", []string{"apply", "-auto-approve", "-no-color", "-parallelism=10"}},
		{"plan, no change", []string{"plan", "-detailed-exitcode", "-no-color"}},
		{"destroy", []string{"destroy", "-auto-approve", "-no-color", "-parallelism=10"}},
	}
	for _, step := range steps {
		used, err := b.command(ctx, project, env, b.terraform, step.args...)
		if err != nil {
			return err
		}
		if step.name == "" {
			continue
		}
		b.report.say("terraform "+step.name+": requests", float64(used.requests), "")
		b.report.say("terraform "+step.name, used.wall.Seconds(), "s")
		if step.name == "apply" && n <= 100 {
			b.report.soft("provider: peak RSS", megabytes(used.provider), 60, "MB")
		} else {
			b.report.say("provider: peak RSS, "+step.name, megabytes(used.provider), "MB")
		}
	}
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// project writes a root module with n containers.
func (b *bench) project(driver string, n int) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("bench-%s-%d", driver, n))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "main.tf"), fmt.Appendf(nil, `terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

resource "docker_image" "base" {
  name         = %q
  keep_locally = true
}

resource "docker_container" "box" {
  count   = %d
  name    = "bench-${count.index}"
  image   = docker_image.base.image_id
  command = ["sh", "-c", %q]
}
`, acctest.Busybox, n, command[2]), 0o600)
}

// mirror offers terraform the provider just built.
func (b *bench) mirror() ([]string, error) {
	root := filepath.Join(b.dir, "mirror")
	dir := filepath.Join(root, "registry.terraform.io", "cleat-dev", "docker", "0.0.1", runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	plugin, err := filepath.Abs("bin/terraform-provider-docker")
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(plugin, filepath.Join(dir, "terraform-provider-docker_v0.0.1")); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	config := filepath.Join(root, "terraformrc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", root)
	return []string{"TF_CLI_CONFIG_FILE=" + config, "TF_IN_AUTOMATION=1"}, os.WriteFile(config, []byte(content), 0o600)
}

// command runs one command in a project and measures it.
func (b *bench) command(ctx context.Context, dir string, env []string, path string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "DOCKER_HOST="+b.proxy.host), env...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	plugin := watchPlugin(cmd.Process.Pid)
	err := cmd.Wait()
	used := usage{wall: time.Since(began), provider: plugin()}
	if err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), args[0], err, output.String())
	}
	used.requests, used.bytes = b.proxy.take()
	if kinds := b.proxy.takeKinds(); b.verbose {
		b.report.note(fmt.Sprintf("  %s %s asked for", filepath.Base(path), args[0]))
		for _, kind := range kinds {
			b.report.note("    " + kind)
		}
	}
	used.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.rss = r.Maxrss << 10
	}
	return used, nil
}

// watchPlugin samples the peak memory of a process's children until the function it returns is called. The kernel
// keeps the peak, so a sample is wrong only by what happens after the last one.
func watchPlugin(parent int) func() int64 {
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		var highest int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				peak <- highest
				return
			case <-tick.C:
				highest = max(highest, childPeak(parent))
			}
		}
	}()
	return func() int64 { close(stop); return <-peak }
}

// childPeak is the highest VmHWM among a process's children, in bytes.
func childPeak(parent int) int64 {
	var highest int64
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent)) // the pattern is well-formed
	for _, list := range lists {
		content, _ := os.ReadFile(list) // a thread that has ended has none
		for _, pid := range strings.Fields(string(content)) {
			highest = max(highest, highWater("/proc/"+pid+"/status"))
		}
	}
	return highest
}

func highWater(status string) int64 {
	file, err := os.Open(status)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
