//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/test/proxy"
)

// bench holds what all measurements share.
type bench struct {
	proxy            *proxy.Proxy
	report           *report
	dir, bin         string
	cleat, terraform string
	// verbose lists the requests of each command. history keeps the received bytes of plans by scenario, spent what the
	// provider took by step.
	verbose bool
	history map[string]traffic
	spent   map[string]processor
}

// processor is the time a step took of the provider at a size.
type processor struct {
	n   int
	cpu time.Duration
}

// traffic is how many bytes a plan without changes received at a size.
type traffic struct {
	n     int
	bytes int64
}

// A scenario is one way to declare N containers.
type scenario struct {
	name string
	// network is their network mode. The engine's bridge has room for two hundred.
	network string
	limit   int
	// declared: the image is a resource too.
	declared bool
	// terraform is measured beside cleat.
	terraform bool
}

var scenarios = []scenario{
	{name: "no network", network: "none", limit: 1 << 20, terraform: true},
	{name: "default bridge, docker_image", network: "bridge", limit: 200, declared: true},
}

// binaries measures sizes.
func (b *bench) binaries() error {
	info, err := os.Stat(filepath.Join(b.bin, "terraform-provider-docker"))
	if err != nil {
		return fmt.Errorf("%w: run 'make build'", err)
	}
	b.report.hard("provider binary, stripped", megabytes(info.Size()), 40, "MB")
	info, err = os.Stat(b.cleat)
	if err != nil {
		return fmt.Errorf("%w: run 'make build'", err)
	}
	b.report.say("cleat binary", megabytes(info.Size()), "MB")
	return nil
}

// size measures one number of containers in one scenario.
func (b *bench) size(ctx context.Context, s scenario, n int) error {
	b.report.heading("N = %d, %s", n, s.name)
	// The first container after a start pays for caches everyone uses later.
	if _, err := bare(ctx, b.proxy.Host, s.network, 1); err != nil {
		return err
	}
	before, err := bare(ctx, b.proxy.Host, s.network, n)
	if err != nil {
		return err
	}
	b.proxy.Take()

	dir, err := b.project("cleat", s, n)
	if err != nil {
		return err
	}
	var used [3]usage
	for i, args := range [][]string{
		{"apply", "-auto-approve", "-no-color", "-parallelism=10"},
		{"plan", "-detailed-exitcode", "-no-color"},
		{"destroy", "-auto-approve", "-no-color", "-parallelism=10"},
	} {
		if used[i], err = b.command(ctx, dir, nil, b.cleat, args...); err != nil {
			return err
		}
	}
	apply, plan, destroy := used[0], used[1], used[2]
	// Before and after: what else the machine does changes while we measure.
	after, err := bare(ctx, b.proxy.Host, s.network, n)
	if err != nil {
		return err
	}
	b.proxy.Take()
	floor := (before + after) / 2
	b.report.say("bare create+start, 10 workers: before", before.Seconds(), "s")
	b.report.say("bare create+start, 10 workers: after", after.Seconds(), "s")
	b.report.hard("cleat plan, no change: requests", float64(plan.requests), float64(n+5), "")
	b.report.hard("cleat apply: requests", float64(apply.requests), float64(2*n+10), "")
	b.report.hard("cleat destroy: requests", float64(destroy.requests), float64(2*n+10), "")
	b.linear(s, n, plan.received)
	b.report.soft("cleat apply, wall / bare", apply.wall.Seconds()/floor.Seconds(), 1.15, "x")
	b.report.say("cleat apply, wall", apply.wall.Seconds(), "s")
	b.report.soft("cleat plan, no change: CPU", plan.cpu.Seconds(), 1.5, "s")
	b.report.hard("cleat plan, no change: peak RSS", megabytes(plan.rss), 80, "MB")
	b.report.say("cleat plan, no change: wall", plan.wall.Seconds(), "s")
	b.report.say("cleat destroy, wall", destroy.wall.Seconds(), "s")
	b.report.say("cleat apply: peak RSS", megabytes(apply.rss), "MB")
	if b.terraform == "" || !s.terraform {
		return nil
	}
	return b.withTerraform(ctx, s, n)
}

// linear compares the bytes of a plan with those of the size measured before: they may grow as N does.
func (b *bench) linear(s scenario, n int, bytes int64) {
	b.report.say("cleat plan: bytes received", float64(bytes), "B")
	before, ok := b.history[s.name]
	b.history[s.name] = traffic{n, bytes}
	if !ok || before.n >= n {
		return
	}
	growth := float64(bytes) / float64(before.bytes)
	b.report.hard(fmt.Sprintf("  growth since N = %d", before.n), growth, 1.1*float64(n)/float64(before.n), "x")
}

// withTerraform measures the same project under terraform; of it only the provider is ours.
func (b *bench) withTerraform(ctx context.Context, s scenario, n int) error {
	dir, err := b.project("terraform", s, n)
	if err != nil {
		return err
	}
	env, err := b.mirror()
	if err != nil {
		return err
	}
	if _, err := b.command(ctx, dir, env, b.terraform, "init", "-no-color"); err != nil {
		return err
	}
	var peak int64
	size := float64(n)
	for _, step := range []struct {
		name     string
		args     []string
		requests float64       // at most
		cpu      time.Duration // of the provider for each container more, at most; 0 is no bound
	}{
		{"plan, create", []string{"plan", "-no-color"}, 5, 4 * time.Millisecond},
		{"apply", []string{"apply", "-auto-approve", "-no-color", "-parallelism=10"}, 3*size + 5, 0},
		{"plan, no change", []string{"plan", "-detailed-exitcode", "-no-color"}, size + 3, 3 * time.Millisecond},
		// One call each to look (Terraform refreshes first) and to remove: what has nothing to keep needs no stop.
		{"destroy", []string{"destroy", "-auto-approve", "-no-color", "-parallelism=10"}, 2*size + 5, 0},
	} {
		used, err := b.command(ctx, dir, env, b.terraform, step.args...)
		if err != nil {
			return err
		}
		b.report.hard("terraform "+step.name+": requests", float64(used.requests), step.requests, "")
		b.report.say("terraform "+step.name+": wall", used.wall.Seconds(), "s")
		b.report.say("provider, "+step.name+": CPU", used.provider.cpu.Seconds()*1000, "ms")
		if few, ok := b.spent[step.name]; ok && step.cpu > 0 && few.n < n { // its starts cost the same for any number
			each := (used.provider.cpu - few.cpu).Seconds() * 1000 / float64(n-few.n)
			b.report.soft("  for each container more", each, step.cpu.Seconds()*1000, "ms")
		}
		b.spent[step.name] = processor{n, used.provider.cpu}
		peak = max(peak, used.provider.peak)
	}
	switch {
	case peak == 0:
		b.report.note("  the provider's memory could not be read from /proc")
	case n <= 100:
		b.report.hard("provider: peak RSS", megabytes(peak), 60, "MB")
	default:
		b.report.say("provider: peak RSS", megabytes(peak), "MB")
	}
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// project writes a root module with n containers.
func (b *bench) project(driver string, s scenario, n int) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("bench-%s-%s-%d", driver, s.network, n))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString("terraform {\n  required_providers {\n    docker = {\n      source = \"cleat-dev/docker\"\n    }\n  }\n}\n")
	image := fmt.Sprintf("%q", acctest.Busybox)
	if s.declared {
		fmt.Fprintf(&text, "\nresource \"docker_image\" \"base\" {\n  name         = %s\n  keep_locally = true\n}\n", image)
		image = "docker_image.base.image_id"
	}
	fmt.Fprintf(&text, `
resource "docker_container" "box" {
  count        = %d
  name         = "bench-${count.index}"
  image        = %s
  command      = ["sleep", "3600"]
  network_mode = %q
}
`, n, image, s.network)
	return dir, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text.String()), 0o600)
}

// mirror offers terraform the provider just built.
func (b *bench) mirror() ([]string, error) {
	root := filepath.Join(b.dir, "mirror")
	dir := filepath.Join(root, "registry.terraform.io", "cleat-dev", "docker", "0.0.1", runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	plugin := filepath.Join(b.bin, "terraform-provider-docker")
	if err := os.Symlink(plugin, filepath.Join(dir, "terraform-provider-docker_v0.0.1")); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	config := filepath.Join(root, "terraformrc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", root)
	return []string{"TF_CLI_CONFIG_FILE=" + config, "TF_IN_AUTOMATION=1"}, os.WriteFile(config, []byte(content), 0o600)
}
