//go:build linux

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// bench is a cleatd of the test's own.
type bench struct {
	*acctest.Engine
	docker *client.Client
}

func newBench(t *testing.T, flags ...string) *bench {
	t.Helper()
	e := acctest.NewCleatd(t, flags...)
	return &bench{e, e.Client(t)}
}

// run makes and starts a container of busybox.
func (b *bench) run(ctx context.Context, name string, host *container.HostConfig, command ...string) (string, error) {
	made, err := b.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name, Config: &container.Config{Image: acctest.Busybox, Cmd: command}, HostConfig: host,
	})
	if err != nil {
		return "", err
	}
	_, err = b.docker.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	return made.ID, err
}

// wait returns a container's exit code once it has ended.
func (b *bench) wait(ctx context.Context, id string) (int64, error) {
	w := b.docker.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case r := <-w.Result:
		if r.Error != nil {
			return 0, errors.New(r.Error.Message)
		}
		return r.StatusCode, nil
	case err := <-w.Error:
		return 0, err
	}
}

// logs returns all a container wrote to its standard output.
func (b *bench) logs(ctx context.Context, id string) (string, error) {
	r, err := b.docker.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", err
	}
	defer r.Close()
	var out, errors bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errors, r); err != nil {
		return "", fmt.Errorf("logs of %s: %w", id, err)
	}
	if errors.Len() > 0 {
		return "", fmt.Errorf("logs of %s: standard error %q", id, errors.String())
	}
	return out.String(), nil
}
