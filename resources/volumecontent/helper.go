package volumecontent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/emptyimage"
	"github.com/cleat-dev/cleat/internal/filetree"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	emptyimage.API
	VolumeInspect(ctx context.Context, name string, options moby.VolumeInspectOptions) (moby.VolumeInspectResult, error)
	ContainerList(ctx context.Context, options moby.ContainerListOptions) (moby.ContainerListResult, error)
	ContainerStart(ctx context.Context, container string, options moby.ContainerStartOptions) (moby.ContainerStartResult, error)
	ContainerWait(ctx context.Context, container string, options moby.ContainerWaitOptions) moby.ContainerWaitResult
	ContainerRemove(ctx context.Context, container string, options moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
	CopyToContainer(ctx context.Context, container string, options moby.CopyToContainerOptions) (moby.CopyToContainerResult, error)
	CopyFromContainer(ctx context.Context, container string, options moby.CopyFromContainerOptions) (moby.CopyFromContainerResult, error)
}

const (
	// place is where a helper has the volume. No image has anything there that an engine would copy into a new volume.
	place = "/cleat-volume"
	// helperLabel marks helpers, so that those of a process that was killed are found.
	helperLabel = "cleat.helper"
	helperValue = "volume-content"
	// closeTimeout bounds the removal of a helper, which goes on when the caller gives up.
	closeTimeout = 30 * time.Second
)

// helper is a container that has the volume.
type helper struct {
	e  API
	id string
}

func newName() string { return "cleat-volume-" + strings.ToLower(rand.Text()) }

// mount creates a helper: of the empty image, never to be started, or of one that runs a command.
func mount(ctx context.Context, e API, volume, image string, command ...string) (*helper, error) {
	labels, bind := map[string]string{helperLabel: helperValue}, volume+":"+place
	if image == "" {
		id, err := emptyimage.Create(ctx, e, newName(), labels, bind)
		return &helper{e, id}, err
	}
	r, err := e.ContainerCreate(ctx, moby.ContainerCreateOptions{
		Name:       newName(),
		Config:     &container.Config{Image: image, Entrypoint: command[:1], Cmd: command[1:], Labels: labels, User: "0", WorkingDir: place},
		HostConfig: &container.HostConfig{NetworkMode: "none", Binds: []string{bind}},
	})
	return &helper{e, r.ID}, err
}

// close removes the helper, also when the caller was interrupted.
func (h *helper) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_, err := h.e.ContainerRemove(ctx, h.id, moby.ContainerRemoveOptions{Force: true})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		contract.Warn(ctx, "The container %.12s, which was made to reach the volume, was not removed: %v. Remove it by hand.", h.id, err)
	}
}

// read describes all files of the volume.
func (h *helper) read(ctx context.Context, known map[string]string) (map[string]string, error) {
	answer, err := h.e.CopyFromContainer(ctx, h.id, moby.CopyFromContainerOptions{SourcePath: place})
	if err != nil {
		return nil, err
	}
	defer answer.Content.Close()
	_, ownerless := contract.LacksOf(h.e)[client.ArchiveOwners]
	found, err := filetree.Read(answer.Content, filetree.Known{Files: known, Owners: ownerless})
	return found.Files, err
}

// write streams a tree into the volume.
func (h *helper) write(ctx context.Context, t filetree.Tree) error {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := t.Archive("", to)
		to.CloseWithError(err)
		written <- err
	}()
	_, err := h.e.CopyToContainer(ctx, h.id, moby.CopyToContainerOptions{DestinationPath: place, Content: from})
	from.CloseWithError(errStopped)
	if failed := <-written; failed != nil && !errors.Is(failed, errStopped) {
		return failed // the engine saw only that it ended
	}
	return err
}

var errStopped = errors.New("the engine reads no more")

// removeScript removes files and the directories they leave empty, and fails when one is left.
const removeScript = `for f; do
  rm -f -- "$f"
  d=$(dirname -- "$f")
  while [ "$d" != . ] && rmdir -- "$d" 2>/dev/null; do d=$(dirname -- "$d"); done
done
for f; do if [ -e "$f" ] || [ -L "$f" ]; then exit 1; fi; done`

// commandBytes bounds the names of one command; kernels take at least 128 KiB.
const commandBytes = 64 << 10

// remove removes files of the volume by a container of the helper image; without one they stay, and people are told.
func remove(ctx context.Context, e API, m Model, names []string) error {
	image := m.HelperImage.ValueString()
	if len(names) == 0 {
		return nil
	}
	if image == "" {
		contract.Warn(ctx, "%d files stay in the volume %q (%s, ...): engines remove no files. With helper_image they are removed; keep_on_destroy says that it is meant.",
			len(names), m.Volume.ValueString(), names[0])
		return nil
	}
	for len(names) > 0 {
		n, size := 0, 0
		for n < len(names) && (n == 0 || size+len(names[n]) < commandBytes) {
			size += len(names[n]) + 3
			n++
		}
		words := []string{"sh", "-c", removeScript, "remove"}
		for _, name := range names[:n] {
			words = append(words, "./"+name)
		}
		if err := runHelper(ctx, e, m.Volume.ValueString(), image, words); err != nil {
			return contract.At("helper_image", "content of volume %q: removing %d files by a container of %q: %w", m.Volume.ValueString(), n, image, err)
		}
		names = names[n:]
	}
	return nil
}

func runHelper(ctx context.Context, e API, volume, image string, words []string) error {
	h, err := mount(ctx, e, volume, image, words...)
	if err != nil {
		return err
	}
	defer h.close(ctx)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	// The condition makes the engine answer for this start, and not at once for a container that does not run yet.
	exit := e.ContainerWait(waiting, h.id, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.ContainerStart(ctx, h.id, moby.ContainerStartOptions{}); err != nil {
		return err
	}
	select {
	case r := <-exit.Result:
		if r.StatusCode != 0 {
			return fmt.Errorf("it ended with exit code %d: %w", r.StatusCode, errs.ErrInternal)
		}
		return nil
	case err := <-exit.Error:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sweep removes the helpers a process left on the volume that was killed, and the empty image when nothing else has it.
func sweep(ctx context.Context, e API, volume string) error {
	found, err := e.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", helperLabel+"="+helperValue)})
	if err != nil {
		return err
	}
	for _, c := range found.Items {
		if mounts(c, volume) {
			(&helper{e, c.ID}).close(ctx)
		}
	}
	emptyimage.Remove(ctx, e)
	return nil
}

// mounts reports whether a container has the volume. Not every engine filters a list by volume.
func mounts(c container.Summary, name string) bool {
	for _, m := range c.Mounts {
		if m.Name == name {
			return true
		}
	}
	return false
}
