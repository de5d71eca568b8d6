//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what one command took.
type usage struct {
	requests, received int64
	wall, cpu          time.Duration
	// rss is the peak of the program itself, in bytes.
	rss int64
	// provider is what the plugins it started took.
	provider plugins
}

// plugins is what the plugins of one command took: the peak of the largest in bytes, and the processor time of all.
type plugins struct {
	peak int64
	cpu  time.Duration
}

// command runs one command in a project and measures it.
func (b *bench) command(ctx context.Context, dir string, env []string, path string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "DOCKER_HOST="+b.proxy.Host), env...)
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
	passed := b.proxy.Take()
	used.requests, used.received = passed.Requests, passed.Received
	if b.verbose {
		b.report.note(fmt.Sprintf("  %s %s asked for", filepath.Base(path), args[0]))
		for _, line := range passed.Lines() {
			b.report.note("    " + line)
		}
	}
	used.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.rss = r.Maxrss << 10
	}
	return used, nil
}

// watchPlugin samples the plugins among a process's children until the function it returns is called. The kernel keeps
// peak and sum, so a sample is wrong only by what happens after the last one.
func watchPlugin(parent int) func() plugins {
	stop, result := make(chan struct{}), make(chan plugins)
	go func() {
		last := map[string]plugins{}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				var all plugins
				for _, p := range last {
					all.peak, all.cpu = max(all.peak, p.peak), all.cpu+p.cpu
				}
				result <- all
				return
			case <-tick.C:
				sample(parent, last)
			}
		}
	}()
	return func() plugins { close(stop); return <-result }
}

// sample notes for each plugin of a process what it has taken so far.
func sample(parent int, last map[string]plugins) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent)) // the pattern is well-formed
	for _, list := range lists {
		content, _ := os.ReadFile(list) // a thread that has ended has none
		for _, pid := range strings.Fields(string(content)) {
			if peak := highWater("/proc/" + pid + "/status"); peak > 0 {
				last[pid] = plugins{peak: peak, cpu: max(last[pid].cpu, onCPU(pid))}
			}
		}
	}
}

// onCPU is the time the threads of a process have run.
func onCPU(pid string) time.Duration {
	threads, _ := filepath.Glob("/proc/" + pid + "/task/*/schedstat") // the pattern is well-formed
	var sum time.Duration
	for _, thread := range threads {
		content, _ := os.ReadFile(thread) // a thread that has ended has none
		if ran, _, ok := strings.Cut(string(content), " "); ok {
			ns, _ := strconv.ParseInt(ran, 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

// highWater is the peak memory of a plugin, in bytes; 0 for what is none. A child that has not come to execute its program
// yet still shows the name and the memory of its parent.
func highWater(status string) int64 {
	file, err := os.Open(status)
	if err != nil {
		return 0
	}
	defer file.Close()
	plugin := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "Name:"); ok {
			plugin = strings.HasPrefix(strings.TrimSpace(name), "terraform-provi") // the kernel keeps 15 characters
		}
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok && plugin {
			kb, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
