package compose

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/resources/contract"
)

// comeBackTimeout bounds what is done after a failure, also when the operation was interrupted.
const comeBackTimeout = 2 * time.Minute

// create makes a container of a service, with its files and networks, and starts it. One that failed is removed again.
func (u *up) create(ctx context.Context, r replica) (id string, err error) {
	r.p, r.several = u.p, u.speaks("1.44")
	r.shared = u.containers(shares(r.s))
	name := composefile.ContainerName(u.p, r.s, r.number)
	options, rest, err := r.options()
	if err != nil {
		return "", contract.At("config_paths", "%w", err)
	}
	options.Config.Labels[labelImage] = u.images[r.s.Name]
	u.touched.Store(true)
	created, err := u.e.ContainerCreate(ctx, options)
	if err != nil {
		return "", fmt.Errorf("service %q: container %q: %w", r.s.Name, name, explainTaken(err))
	}
	err = u.furnish(ctx, r, created.ID, rest)
	if err == nil {
		err = u.start(ctx, created.ID, name)
	}
	if err == nil {
		return created.ID, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), comeBackTimeout)
	defer cancel()
	_, failed := u.e.ContainerRemove(ctx, created.ID, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if failed != nil && !errors.Is(failed, errs.ErrNotFound) {
		err = errors.Join(err, fmt.Errorf("removing it: %w", failed))
	}
	return "", fmt.Errorf("service %q: %w", r.s.Name, err)
}

// explainTaken says what to do about a name that is taken.
func explainTaken(err error) error {
	if !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "already in use") {
		return err
	}
	return fmt.Errorf("its name is taken by a container that is not of this project: remove or rename that one, or give another "+
		"container_name or project_name: %w", err)
}

// containers are the first containers of services.
func (u *up) containers(services []string) map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make(map[string]string, len(services))
	for _, name := range services {
		all[name] = u.first[name]
	}
	return all
}

// furnish connects a container to further networks and puts the contents of configs and secrets into it.
func (u *up) furnish(ctx context.Context, r replica, id string, rest []later) error {
	for _, n := range rest {
		if _, err := u.e.NetworkConnect(ctx, n.network, moby.NetworkConnectOptions{Container: id, EndpointConfig: n.endpoint}); err != nil {
			return fmt.Errorf("connecting to network %q: %w", n.network, err)
		}
	}
	files, err := composefile.Files(u.p, r.s)
	if err != nil {
		return err
	}
	archive, err := pack(files)
	if err != nil || archive == nil {
		return err
	}
	if _, err := u.e.CopyToContainer(ctx, id, moby.CopyToContainerOptions{DestinationPath: "/", Content: bytes.NewReader(archive)}); err != nil {
		return fmt.Errorf("putting its configs and secrets into it: %w", err)
	}
	return nil
}

// pack is an archive of the files that are put into a container; nil when there are none.
func pack(files []composefile.File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	any := false
	for _, f := range files {
		if f.Source != "" {
			continue
		}
		any = true
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Target, "/"), Mode: f.Mode, Size: int64(len(f.Content)), Uid: f.UID, Gid: f.GID, ModTime: time.Unix(0, 0),
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			return nil, err
		}
	}
	if !any {
		return nil, nil
	}
	return b.Bytes(), w.Close()
}

// start starts a container.
func (u *up) start(ctx context.Context, id, name string) error {
	u.touched.Store(true)
	if _, err := u.e.ContainerStart(ctx, id, moby.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("container %q did not start: %w", name, err)
	}
	return nil
}

// replace makes a container's successor while the old one stands aside, and removes the old one when the new one runs.
// When that fails the old one comes back.
func (u *up) replace(ctx context.Context, s types.ServiceConfig, old container.Summary) (string, error) {
	r := replica{s: s, number: max(1, numberOf(old))}
	was, err := u.e.ContainerInspect(ctx, old.ID, moby.ContainerInspectOptions{})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return "", fmt.Errorf("container %q: %w", nameOf(old), err)
	}
	if err == nil {
		r.inherited = inherit(s, was.Container)
		if err := u.aside(ctx, old); err != nil {
			return "", errors.Join(err, u.comeBack(ctx, old))
		}
	}
	id, err := u.create(ctx, r)
	if err != nil {
		return "", errors.Join(err, u.comeBack(ctx, old))
	}
	if u.isShared(s.Name) { // podman removes no container whose network or volumes another one has: that one is made anew first
		u.mu.Lock()
		defer u.mu.Unlock()
		u.late = append(u.late, old)
		return id, nil
	}
	return id, u.removeReplaced(ctx, old)
}

// isShared reports whether a service's containers have something that those of another one take.
func (u *up) isShared(service string) bool {
	for _, s := range u.p.Services {
		if slices.Contains(shares(s), service) {
			return true
		}
	}
	return false
}

// removeLate removes what was replaced and could not be removed at once.
func (u *up) removeLate(ctx context.Context) error {
	for _, old := range u.late {
		if err := u.removeReplaced(ctx, old); err != nil {
			return err
		}
	}
	return nil
}

// removeReplaced removes a container whose anonymous volumes are the new one's.
func (u *up) removeReplaced(ctx context.Context, old container.Summary) error {
	if _, err := u.e.ContainerRemove(ctx, old.ID, moby.ContainerRemoveOptions{Force: true}); err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: removing what was replaced: %w", nameOf(old), err)
	}
	return nil
}

// aside stops a container and gives it another name.
func (u *up) aside(ctx context.Context, c container.Summary) error {
	u.touched.Store(true)
	if _, err := u.e.ContainerStop(ctx, c.ID, moby.ContainerStopOptions{}); err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: stopping: %w", nameOf(c), err)
	}
	if _, err := u.e.ContainerRename(ctx, c.ID, moby.ContainerRenameOptions{NewName: nameOf(c) + contract.AsideSuffix}); err != nil {
		return fmt.Errorf("container %q: taking it aside: %w", nameOf(c), err)
	}
	return nil
}

// comeBack gives a container that stepped aside its name back and starts it if it ran, also when the operation was
// interrupted.
func (u *up) comeBack(ctx context.Context, c container.Summary) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), comeBackTimeout)
	defer cancel()
	name := strings.TrimSuffix(nameOf(c), contract.AsideSuffix)
	now, err := u.e.ContainerInspect(ctx, c.ID, moby.ContainerInspectOptions{})
	if err == nil && strings.TrimPrefix(now.Container.Name, "/") != name {
		_, err = u.e.ContainerRename(ctx, c.ID, moby.ContainerRenameOptions{NewName: name})
	}
	if err == nil && runs(c) {
		_, err = u.e.ContainerStart(ctx, c.ID, moby.ContainerStartOptions{})
	}
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: bringing back what it replaced: %w", name, err)
	}
	return nil
}

// settleAside ends what an attempt that was cut off began: of two containers, one aside and its successor, the successor is
// kept if it runs; if not, it never did.
func (u *up) settleAside(ctx context.Context) error {
	for _, old := range u.found.aside {
		service := old.Labels[labelService]
		var successor *container.Summary
		for i, c := range u.found.containers[service] {
			if nameOf(c)+contract.AsideSuffix == nameOf(old) {
				successor = &u.found.containers[service][i]
			}
		}
		if successor != nil && runs(*successor) {
			u.late = append(u.late, old)
			continue
		}
		if successor != nil {
			if err := u.discard(ctx, *successor); err != nil {
				return err
			}
		}
		old.State = container.StateRunning // it ran, or there would have been no care to take
		if err := u.comeBack(ctx, old); err != nil {
			return err
		}
	}
	if len(u.found.aside) == 0 {
		return nil
	}
	var err error
	u.found, err = look(ctx, u.e, u.p.Name)
	return err
}

// discard stops a container and removes it, with the volumes nobody named.
func (u *up) discard(ctx context.Context, c container.Summary) error {
	u.touched.Store(true)
	return discard(ctx, u.e, c)
}

func discard(ctx context.Context, e API, c container.Summary) error {
	if _, err := e.ContainerStop(ctx, c.ID, moby.ContainerStopOptions{}); err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: stopping: %w", nameOf(c), err)
	}
	_, err := e.ContainerRemove(ctx, c.ID, moby.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: removing: %w", nameOf(c), err)
	}
	// Those it took over from the container it replaced were given to it by name, and engines take them for named.
	for _, m := range c.Mounts {
		if m.Type != mount.TypeVolume || !anonymous(m.Name) {
			continue
		}
		_, err := e.VolumeRemove(ctx, m.Name, moby.VolumeRemoveOptions{})
		if err != nil && !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrConflict) { // another container has it
			return fmt.Errorf("container %q: removing its volume %.12s: %w", nameOf(c), m.Name, err)
		}
	}
	return nil
}
