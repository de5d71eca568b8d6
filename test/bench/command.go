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
	// rss is the peak of the program itself, in bytes; provider that of the plugin it started.
	rss, provider int64
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

// childPeak is the highest VmHWM among a process's plugins, in bytes. A child that has not come to execute its program
// yet still shows the memory of its parent.
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
