//go:build linux

package daemon

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// TestAttachWithLogs: whoever attaches with what was written before, as docker-compose 1 does, while the container writes,
// gets every line once.
func TestAttachWithLogs(t *testing.T) {
	t.Parallel()
	const lines, clients = 5000, 8
	b := newBench(t)
	id, err := b.run(t.Context(), "writer", &container.HostConfig{NetworkMode: "none"},
		"sh", "-c", "i=0; while [ $i -lt "+strconv.Itoa(lines)+" ]; do echo $i; i=$((i+1)); done")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range lines {
		want.WriteString(strconv.Itoa(i) + "\n")
	}
	group, ctx := errgroup.WithContext(t.Context())
	for range clients {
		group.Go(func() error {
			s, err := b.docker.ContainerAttach(ctx, id, client.ContainerAttachOptions{Logs: true, Stream: true, Stdout: true, Stderr: true})
			if err != nil {
				return err
			}
			defer s.Close()
			var out bytes.Buffer
			if _, err := stdcopy.StdCopy(&out, &out, s.Reader); err != nil {
				return err
			}
			if out.String() != want.String() {
				t.Errorf("%d bytes with %d lines, want %d lines", out.Len(), bytes.Count(out.Bytes(), []byte("\n")), lines)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
