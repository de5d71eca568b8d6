//go:build linux

package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

// defaultPS are the arguments of ps when the client gives none.
const defaultPS = "-ef"

// Top lists the processes of a container as ps does on the host: "List processes running inside a container". The forms
// "-ef" and "aux" are made here, all others by the host's ps.
func (s *Service) Top(ctx context.Context, ref, args string) (container.TopResponse, error) {
	var out container.TopResponse
	words := strings.Fields(args)
	if len(words) == 0 {
		words = []string{defaultPS}
	}
	if err := validPS(words); err != nil {
		return out, err
	}
	c, err := s.index.find(ref)
	if err != nil {
		return out, err
	}
	r, process := c.record(), c.proc()
	switch {
	case r.State.Restarting:
		return out, conflict("Container %s is restarting, wait until the container is running", c.id)
	case !r.State.Running || process == nil:
		return out, conflict("Container %s is not running", c.id)
	}
	pids, err := process.Pids(ctx)
	if err != nil {
		return out, fmt.Errorf("processes of container %s: %w", short(c.id), err)
	}
	slices.Sort(pids)
	switch form := strings.Join(words, " "); form {
	case "-ef", "-e -f":
		out, err = listProcesses(fullFormat, pids)
	case "aux", "-aux", "axu":
		out, err = listProcesses(userFormat, pids)
	default:
		out, err = runPS(ctx, words, pids)
	}
	if err != nil {
		return out, fmt.Errorf("processes of container %s: %w", short(c.id), err)
	}
	s.tell(c, events.ActionTop)
	return out, nil
}

// renamedPID is an argument that gives another column the title PID.
var renamedPID = regexp.MustCompile(`(?i)\b\w+=\s*\w*pid`)

func validPS(words []string) error {
	for _, w := range words {
		if strings.Contains(w, "=") && renamedPID.MatchString(w) {
			return invalid("specifying %q is not allowed: it renames a column to PID", w)
		}
	}
	return nil
}

// errNoPS: the arguments need the host's ps.
var errNoPS = errors.New(`ps is not installed on the host: only "-ef" and "aux" work without it`)

// runPS asks the host's ps, for the processes alone if it knows how.
func runPS(ctx context.Context, words []string, pids []int) (container.TopResponse, error) {
	path, err := exec.LookPath("ps")
	if err != nil {
		return container.TopResponse{}, errNoPS
	}
	numbers := make([]string, len(pids))
	for i, pid := range pids {
		numbers[i] = strconv.Itoa(pid)
	}
	output, err := exec.CommandContext(ctx, path, append(slices.Clone(words), "-q", strings.Join(numbers, ","))...).Output() //nolint:gosec // arguments of ps are the call's purpose
	if err != nil {                                                                                                          // not with these arguments
		output, err = exec.CommandContext(ctx, path, words...).Output() //nolint:gosec // as above
	}
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return container.TopResponse{}, fmt.Errorf("ps: %s", bytes.TrimSpace(failed.Stderr))
		}
		return container.TopResponse{}, fmt.Errorf("ps: %w", err)
	}
	return parsePS(string(output), pids)
}

// parsePS keeps the rows of the processes given. The last column takes the rest of a line.
func parsePS(output string, pids []int) (container.TopResponse, error) {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	out := container.TopResponse{Titles: strings.Fields(lines[0]), Processes: [][]string{}}
	column := slices.Index(out.Titles, "PID")
	if column < 0 {
		return out, errors.New("couldn't find PID field in ps output")
	}
	kept := false // a thread's row has "-" for PID and follows its process
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		if fields[column] != "-" {
			pid, err := strconv.Atoi(fields[column])
			if err != nil {
				return out, fmt.Errorf("unexpected pid %q in ps output", fields[column])
			}
			kept = slices.Contains(pids, pid)
		}
		if !kept {
			continue
		}
		if n := len(out.Titles); len(fields) > n {
			fields = append(fields[:n-1:n-1], strings.Join(fields[n-1:], " "))
		}
		out.Processes = append(out.Processes, fields)
	}
	return out, nil
}
