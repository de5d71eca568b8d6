//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// coldStart is the time from the engine's exec to its first answer, on data that are there: the best of five.
func coldStart(ctx context.Context, s *subject) (float64, error) {
	best := 0.
	for range 5 {
		took, err := s.ColdStart(ctx)
		if err != nil {
			return 0, err
		}
		if ms := float64(took) / float64(time.Millisecond); best == 0 || ms < best {
			best = ms
		}
	}
	return best, nil
}

// rest is how long an engine has had nothing to do before its memory is measured: both of them give memory back then.
const rest = 6 * time.Second

// idlePSS is the memory of the engine's own processes when it has nothing to do.
func idlePSS(ctx context.Context, s *subject) (float64, error) { return s.restingPSS(ctx) }

func (s *subject) restingPSS(ctx context.Context) (float64, error) {
	select {
	case <-time.After(rest):
		return s.pss()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// perContainer is how much the engine's processes grow for each container that runs; the container's own memory does
// not count.
func perContainer(ctx context.Context, s *subject) (float64, error) {
	const n = 20
	before, err := s.restingPSS(ctx)
	if err != nil {
		return 0, err
	}
	ids, err := s.run(ctx, n)
	defer s.remove(ctx, ids)
	if err != nil {
		return 0, err
	}
	after, err := s.restingPSS(ctx)
	return (after - before) / n, err
}

// pss is the proportional memory, in MiB, of every process of the engine's namespace that is not a container's.
func (s *subject) pss() (float64, error) {
	root, err := s.PIDNamespace()
	if err != nil {
		return 0, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	total := 0.
	for _, dir := range processes {
		// A container has a namespace of its own below the engine's.
		if ns, err := os.Readlink(filepath.Join(dir, "ns", "pid")); err != nil || ns != root {
			continue
		}
		if name, err := os.ReadFile(filepath.Join(dir, "comm")); err != nil || strings.TrimSpace(string(name)) == "sh" {
			continue // the namespace's process 1
		}
		kib, err := readPSS(filepath.Join(dir, "smaps_rollup"))
		if err != nil {
			return 0, err
		}
		total += kib / 1024
	}
	return total, nil
}

func readPSS(path string) (float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "Pss:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("%s: no Pss", path)
}
