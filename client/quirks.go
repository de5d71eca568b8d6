package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// misstatements are answers of podman that carry the wrong status: it says 500 for what every Docker engine, and its
// own documents, give a class. Callers decide by class, so it is put right here, below everything else.
var misstatements = []struct {
	text   string
	status int
}{
	{"name is already in use", http.StatusConflict},                     // container create, rename
	{"volume already exists", http.StatusConflict},                      // volume create
	{"no such object", http.StatusNotFound},                             // inspects
	{"no such container", http.StatusNotFound},                          // calls on a container removed meanwhile
	{"image not known", http.StatusNotFound},                            // container create
	{"cannot specify 64-byte hexadecimal strings", http.StatusNotFound}, // container create, of an image that lost its last name meanwhile
	{"image is in use", http.StatusConflict},                            // image remove
	{"network is being used", http.StatusConflict},                      // network remove
	{"network already exists", http.StatusConflict},                     // network create
	{"container state improper", http.StatusConflict},                   // pause, start while being removed
}

// ArchiveOwners is what an engine lacks whose archives of a container's files do not say who owns them.
const ArchiveOwners = "owners in archives"

// Lacks are the calls this engine has not though the version it speaks has them, each with who lacks it; see
// contract.Lacking. Podman has a call to update a container in Docker's API from 5 on, and gives the files of an archive
// to the user it runs as itself.
func (c *Client) Lacks() map[string]string {
	if !c.engine.isPodman() {
		return nil
	}
	lacks := map[string]string{ArchiveOwners: c.engine.product}
	if c.engine.podmanBefore(5) {
		lacks["container update"] = c.engine.product
	}
	return lacks
}

// ContainerRemove removes a container. By force that kills one that runs; podman stops it first and gives it the time it
// has for that.
func (c *Client) ContainerRemove(ctx context.Context, container string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error) {
	if o.Force && c.engine.isPodman() {
		_, _ = c.Client.ContainerKill(ctx, container, moby.ContainerKillOptions{Signal: "KILL"}) // fails for one that does not run
	}
	return c.Client.ContainerRemove(ctx, container, o)
}

// attempts is how often a call is made that fails over what somebody else does meanwhile.
const attempts = 10

// again makes a call until its error is another one than passes.
func again[T any](passes func(error) bool, call func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		r, err := call()
		if err == nil || !passes(err) || attempt == attempts {
			return r, err
		}
	}
}

// ImageList lists images. Podman looks at them one by one and fails over one that is removed meanwhile, whoever's it is:
// a list is never not found, so it is asked again.
func (c *Client) ImageList(ctx context.Context, o moby.ImageListOptions) (moby.ImageListResult, error) {
	return again(func(err error) bool { return errors.Is(err, errs.ErrNotFound) }, func() (moby.ImageListResult, error) {
		return c.Client.ImageList(ctx, o)
	})
}

// ImageInspect tells of an image. Podman looks at all others as well, and fails over one that is removed meanwhile; now and
// then it does not find the image itself. Only its second word on that counts.
func (c *Client) ImageInspect(ctx context.Context, image string, o ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	first := true
	return again(func(err error) bool {
		unsure := first && c.engine.isPodman() && errors.Is(err, errs.ErrNotFound)
		first = false
		return unsure || says("failed to convert imagedata")(err)
	}, func() (moby.ImageInspectResult, error) { return c.Client.ImageInspect(ctx, image, o...) })
}

// ContainerCommit makes an image of a container. Podman fails when another image with the same layer is removed meanwhile.
// Nothing is made then.
func (c *Client) ContainerCommit(ctx context.Context, container string, o moby.ContainerCommitOptions) (moby.ContainerCommitResult, error) {
	return again(says("creating image", "layer not known"), func() (moby.ContainerCommitResult, error) { return c.Client.ContainerCommit(ctx, container, o) })
}

// NetworkCreate makes a network. Podman first compares its addresses with those of the host's interfaces, and fails when
// one comes or goes while it lists them. Nothing is made then.
func (c *Client) NetworkCreate(ctx context.Context, name string, o moby.NetworkCreateOptions) (moby.NetworkCreateResult, error) {
	return again(says("no such network interface"), func() (moby.NetworkCreateResult, error) { return c.Client.NetworkCreate(ctx, name, o) })
}

// ContainerCreate makes a container. Podman makes the volumes it names that are not there yet, and fails when another
// container's creation makes one of them meanwhile. Nothing is made then.
func (c *Client) ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	return again(says("creating named volume", "volume already exists"), func() (moby.ContainerCreateResult, error) { return c.Client.ContainerCreate(ctx, o) })
}

// says are errors with all of these words.
func says(words ...string) func(error) bool {
	return func(err error) bool {
		text := strings.ToLower(err.Error())
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
}

// startAttempts and startPause bound how long a start waits for podman.
const (
	startAttempts = 20
	startPause    = 100 * time.Millisecond
)

// ContainerStart starts a container. Podman 4 answers an upload before it has unmounted the container's files, and a start
// that comes in between finds them gone. There is no event to wait for; the next start mounts them again.
func (c *Client) ContainerStart(ctx context.Context, container string, o moby.ContainerStartOptions) (moby.ContainerStartResult, error) {
	r, err := c.Client.ContainerStart(ctx, container, o)
	for attempt := 1; attempt < startAttempts && c.engine.podmanBefore(5) && isUnmounted(err); attempt++ {
		select {
		case <-ctx.Done():
			return r, err
		case <-time.After(startPause):
		}
		r, err = c.Client.ContainerStart(ctx, container, o)
	}
	return r, err
}

func isUnmounted(err error) bool {
	return err != nil && strings.Contains(err.Error(), "mounting storage for container") && strings.Contains(err.Error(), "no such file or directory")
}

// isPodman reports whether the engine is a podman that tells its version.
func (e *engine) isPodman() bool { return strings.HasPrefix(e.product, "podman ") }

// podmanBefore reports whether the engine is a podman of a lower major version. One that does not tell its version is
// taken for a new one.
func (e *engine) podmanBefore(major int) bool {
	product, number, _ := strings.Cut(e.product, " ")
	number, _, _ = strings.Cut(number, ".")
	n, err := strconv.Atoi(number)
	return product == "podman" && err == nil && n < major
}

// mendNetworks puts right what podman 4 says of the gateway of an internal network: the text "<nil>" where there is
// none, which is no address and makes the whole answer unreadable.
func mendNetworks(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK || resp.Request == nil || resp.Request.Method != http.MethodGet || !strings.Contains(resp.Request.URL.Path, "/networks") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(`"Gateway":"<nil>"`), []byte(`"Gateway":""`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return nil
}

// misstatementLimit bounds how much of an error body is looked at.
const misstatementLimit = 64 << 10

// restate gives an internal error of a known text its right status. The body stays as it is.
func restate(resp *http.Response) {
	if resp.StatusCode != http.StatusInternalServerError || resp.Body == nil {
		return
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, misstatementLimit))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	if err != nil {
		return
	}
	text := strings.ToLower(string(head))
	for _, m := range misstatements {
		if strings.Contains(text, m.text) {
			resp.StatusCode = m.status
			resp.Status = http.StatusText(m.status)
			return
		}
	}
}
