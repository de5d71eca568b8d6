package parity

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// behind does something to the world without either program, by one line of a fixture's do. $prefix, $registry and
// $net stand for the world's own. Containers, networks and volumes are named in full.
func (w *world) behind(ctx context.Context, text string) error {
	words := strings.Fields(os.Expand(text, func(name string) string {
		switch name {
		case "prefix":
			return w.prefix
		case "registry":
			return w.registry.Address
		case "net":
			return w.net
		}
		return "$" + name
	}))
	do, args := words[0], words[1:]
	action, ok := actions[do]
	if !ok || len(args) != action.args {
		return fmt.Errorf("%q: no such action, or not with %d words", text, len(args))
	}
	if err := action.run(ctx, w, args); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// actions are what can happen behind the programs' back.
var actions = map[string]struct {
	args int
	run  func(ctx context.Context, w *world, args []string) error
}{
	"stop": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		now := 0
		_, err := w.docker.ContainerStop(ctx, a[0], client.ContainerStopOptions{Timeout: &now})
		return err
	}},
	"pause": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		_, err := w.docker.ContainerPause(ctx, a[0], client.ContainerPauseOptions{})
		return err
	}},
	"rename": {2, func(ctx context.Context, w *world, a []string) error { // NAME NEW
		_, err := w.docker.ContainerRename(ctx, a[0], client.ContainerRenameOptions{NewName: a[1]})
		return err
	}},
	"memory": {2, func(ctx context.Context, w *world, a []string) error { // NAME MEGABYTES
		megabytes, err := strconv.ParseInt(a[1], 10, 64)
		if err != nil {
			return err
		}
		_, err = w.docker.ContainerUpdate(ctx, a[0], client.ContainerUpdateOptions{
			Resources: &container.Resources{Memory: megabytes << 20, MemorySwap: 2 * megabytes << 20},
		})
		return err
	}},
	"restart-policy": {2, func(ctx context.Context, w *world, a []string) error { // NAME POLICY
		_, err := w.docker.ContainerUpdate(ctx, a[0], client.ContainerUpdateOptions{
			RestartPolicy: &container.RestartPolicy{Name: container.RestartPolicyMode(a[1])},
		})
		return err
	}},
	"remove": {1, func(ctx context.Context, w *world, a []string) error { // CONTAINER
		_, err := w.docker.ContainerRemove(ctx, a[0], client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	}},
	"run": {3, func(ctx context.Context, w *world, a []string) error { // CONTAINER IMAGE SECONDS
		made, err := w.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name: a[0], Config: &container.Config{Image: a[1], Cmd: []string{"sleep", a[2]}}, HostConfig: &container.HostConfig{},
		})
		if err == nil {
			_, err = w.docker.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
		}
		return err
	}},
	"connect": {2, func(ctx context.Context, w *world, a []string) error { // NETWORK CONTAINER
		_, err := w.docker.NetworkConnect(ctx, a[0], client.NetworkConnectOptions{Container: a[1]})
		return err
	}},
	"disconnect": {2, func(ctx context.Context, w *world, a []string) error { // NETWORK CONTAINER
		_, err := w.docker.NetworkDisconnect(ctx, a[0], client.NetworkDisconnectOptions{Container: a[1], Force: true})
		return err
	}},
	"network": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		_, err := w.docker.NetworkCreate(ctx, a[0], client.NetworkCreateOptions{Driver: "bridge"})
		return err
	}},
	"remove-network": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		_, err := w.docker.NetworkRemove(ctx, a[0], client.NetworkRemoveOptions{})
		return err
	}},
	"volume": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		_, err := w.docker.VolumeCreate(ctx, client.VolumeCreateOptions{Name: a[0]})
		return err
	}},
	"remove-volume": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		_, err := w.docker.VolumeRemove(ctx, a[0], client.VolumeRemoveOptions{Force: true})
		return err
	}},
	"image": {2, func(ctx context.Context, w *world, a []string) error { // REFERENCE TEXT
		return w.own(ctx, a[0], a[1])
	}},
	"tag": {2, func(ctx context.Context, w *world, a []string) error { // IMAGE REFERENCE
		_, err := w.docker.ImageTag(ctx, client.ImageTagOptions{Source: a[0], Target: a[1]})
		return err
	}},
	"untag": {1, func(ctx context.Context, w *world, a []string) error { // REFERENCE
		_, err := w.docker.ImageRemove(ctx, a[0], client.ImageRemoveOptions{})
		return err
	}},
	"push": {2, func(ctx context.Context, w *world, a []string) error { // IMAGE NAME
		return w.push(ctx, a[0], a[1])
	}},
	"unpush": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		return w.unpush(ctx, a[0])
	}},
	"plugin": {1, func(ctx context.Context, w *world, a []string) error { // NAME
		return w.plugin(ctx, a[0])
	}},
	"plugin-set": {2, func(ctx context.Context, w *world, a []string) error { // NAME VARIABLE=VALUE
		_, err := w.docker.PluginSet(ctx, a[0], client.PluginSetOptions{Args: a[1:]})
		return err
	}},
	"remove-file": {1, func(_ context.Context, w *world, a []string) error { // FILE
		return os.Remove(filepath.Join(w.dir, a[0]))
	}},
}

// own imports an image that no other world has, so that none changes its names at the same time (podman 4 would lose
// some). It runs a web server that answers the text, and goes with the world.
func (w *world) own(ctx context.Context, ref, text string) error {
	if err := acctest.LoadOwn(ctx, w.docker, ref, w.prefix+" "+text+"\n"); err != nil {
		return err
	}
	image, err := w.docker.ImageInspect(ctx, ref)
	if err == nil {
		w.images = append(w.images, image.ID)
	}
	return err
}

// plugin makes a plugin that takes one variable and is never to run. Engines refuse two of one content.
func (w *world) plugin(ctx context.Context, name string) error {
	const config = `{"description":"","documentation":"","entrypoint":["/none"],"network":{"type":""},"interface":{"types":["cleat.nothing/1.0"],"socket":"p.sock"},
"env":[{"name":"DEBUG","value":"0","settable":["value"]}]}`
	var archive bytes.Buffer
	t := tar.NewWriter(&archive)
	for _, file := range [][2]string{{"config.json", config}, {"rootfs/" + name, name}} {
		if err := t.WriteHeader(&tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1])), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := t.Write([]byte(file[1])); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	_, err := w.docker.PluginCreate(ctx, &archive, client.PluginCreateOptions{RepoName: name})
	return err
}

// removeOwn removes the images made by own, and every name they still have.
func (w *world) removeOwn(ctx context.Context) error {
	var failed []error
	for _, id := range w.images {
		if _, err := w.docker.ImageRemove(ctx, id, client.ImageRemoveOptions{Force: true}); !errors.Is(err, errs.ErrNotFound) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// push puts an image into the registry and takes its name there from the engine again.
func (w *world) push(ctx context.Context, image, name string) error {
	ref := w.registry.Ref(name)
	if _, err := w.docker.ImageTag(ctx, client.ImageTagOptions{Source: image, Target: ref}); err != nil {
		return err
	}
	auth, err := json.Marshal(registry.AuthConfig{Username: w.registry.Auth.Username, Password: w.registry.Auth.Password, ServerAddress: w.registry.Address})
	if err != nil {
		return err
	}
	answer, err := w.docker.ImagePush(ctx, ref, client.ImagePushOptions{RegistryAuth: base64.URLEncoding.EncodeToString(auth)})
	if err != nil {
		return err
	}
	if err := errors.Join(answer.Wait(ctx), answer.Close()); err != nil {
		return err
	}
	_, err = w.docker.ImageRemove(ctx, ref, client.ImageRemoveOptions{})
	return err
}

// unpush deletes an image in the registry.
func (w *world) unpush(ctx context.Context, name string) error {
	repository, tag, _ := strings.Cut(name, ":")
	manifests := "/v2/" + repository + "/manifests/"
	found, err := w.registry.Do(ctx, http.MethodHead, manifests+tag)
	if err != nil {
		return err
	}
	found.Body.Close()
	deleted, err := w.registry.Do(ctx, http.MethodDelete, manifests+found.Header.Get("Docker-Content-Digest"))
	if err != nil {
		return err
	}
	defer deleted.Body.Close()
	if deleted.StatusCode != http.StatusAccepted {
		return errors.New(deleted.Status)
	}
	return nil
}
