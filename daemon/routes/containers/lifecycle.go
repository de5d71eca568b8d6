package containers

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/daemon/server"
)

// createRequest is the body of create: container.CreateRequest, and the one field of 1.18 that nothing newer has.
type createRequest struct {
	*container.Config
	HostConfig       *hostConfig
	NetworkingConfig *network.NetworkingConfig
}

type hostConfig struct {
	container.HostConfig
	LxcConf      json.RawMessage
	KernelMemory int64 // until 1.41
}

// warnings are about what a body says and nothing here can do.
func (h *hostConfig) warnings() []string {
	if h == nil {
		return nil
	}
	var all []string
	switch string(h.LxcConf) {
	case "", "null", "[]", "{}":
	default:
		all = append(all, "LxcConf is ignored: there is no lxc execution driver.")
	}
	if h.KernelMemory != 0 {
		all = append(all, "Specifying a kernel memory limit is deprecated: kernels have none any more, and it is ignored.")
	}
	return all
}

func (h *hostConfig) plain() *container.HostConfig {
	if h == nil {
		return nil
	}
	return &h.HostConfig
}

func (h handlers) create(w http.ResponseWriter, r *server.Request) error {
	var body createRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	if body.Config != nil && body.Image == "" {
		return badParameter("Image", "no image is named")
	}
	n := NewContainer{Name: r.Query().Get("name"), Config: body.Config, Host: body.HostConfig.plain(), Warnings: body.HostConfig.warnings(),
		LooseName: r.Trait("name-loose"), Platform: r.Query().Get("platform")}
	if body.NetworkingConfig != nil {
		n.Endpoints = body.NetworkingConfig.EndpointsConfig
	}
	created, err := h.backend.Create(r.Context(), n)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusCreated, created)
}

func (h handlers) start(w http.ResponseWriter, r *server.Request) error {
	host, err := h.startHost(r)
	if err != nil {
		return err
	}
	started, err := h.backend.Start(r.Context(), r.Var("id"), host)
	switch {
	case err != nil:
		return err
	case !started && r.Trait("start-running-500"):
		return server.Status(http.StatusInternalServerError, fmt.Errorf("container %s is already running", r.Var("id")))
	case !started:
		return server.NotModified
	case r.Trait("start-200"):
		w.WriteHeader(http.StatusOK)
		return nil
	default:
		return none(w, nil)
	}
}

// startHost reads the body of start, nil when it says nothing.
func (h handlers) startHost(r *server.Request) (*container.HostConfig, error) {
	if !r.Trait("start-host-config") || r.ContentLength == 0 {
		return nil, nil //nolint:nilnil // nothing is said
	}
	var body *hostConfig
	if r.Trait("start-merges-host-config") {
		_, own, err := h.backend.Config(r.Var("id"))
		if err != nil {
			return nil, err
		}
		body = &hostConfig{HostConfig: *own}
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return body.plain(), nil
}

// stopOptions reads the parameters of stop and restart.
func stopOptions(r *server.Request) (StopOptions, error) {
	o := StopOptions{Signal: r.Query().Get("signal")}
	if r.Query().Get("t") == "" {
		return o, nil
	}
	seconds, err := r.Int("t", 0)
	o.Timeout = &seconds
	return o, err
}

func (h handlers) stop(w http.ResponseWriter, r *server.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	stopped, err := h.backend.Stop(r.Context(), r.Var("id"), o)
	if err == nil && !stopped && !r.Trait("stop-stopped-204") {
		return server.NotModified
	}
	return none(w, err)
}

func (h handlers) restart(w http.ResponseWriter, r *server.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	return none(w, h.backend.Restart(r.Context(), r.Var("id"), o))
}

func (h handlers) kill(w http.ResponseWriter, r *server.Request) error {
	ran, err := h.backend.Kill(r.Context(), r.Var("id"), r.Query().Get("signal"))
	if err != nil && !ran && r.Trait("kill-stopped-ok") && isConflict(err) {
		err = nil
	}
	return none(w, wrongState(r, err))
}

func (h handlers) pause(w http.ResponseWriter, r *server.Request) error {
	return none(w, wrongState(r, h.backend.Pause(r.Context(), r.Var("id"))))
}

func (h handlers) unpause(w http.ResponseWriter, r *server.Request) error {
	return none(w, wrongState(r, h.backend.Unpause(r.Context(), r.Var("id"))))
}

func (h handlers) rename(w http.ResponseWriter, r *server.Request) error {
	return none(w, h.backend.Rename(r.Context(), r.Var("id"), r.Query().Get("name")))
}

func (h handlers) resize(w http.ResponseWriter, r *server.Request) error {
	height, err := r.Int("h", 0)
	if err != nil {
		return err
	}
	width, err := r.Int("w", 0)
	if err != nil {
		return err
	}
	if r.Query().Get("h") == "" || r.Query().Get("w") == "" {
		return badParameter("h and w", "both are needed")
	}
	if height < 0 || width < 0 || height > 0xffff || width > 0xffff {
		return badParameter("h and w", "want numbers from 0 to 65535")
	}
	if err := h.backend.Resize(r.Context(), r.Var("id"), uint(height), uint(width)); err != nil {
		return wrongState(r, err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h handlers) update(w http.ResponseWriter, r *server.Request) error {
	var body container.UpdateConfig
	if err := r.Decode(&body); err != nil {
		return err
	}
	answer, err := h.backend.Update(r.Context(), r.Var("id"), body)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, answer)
}

func (h handlers) remove(w http.ResponseWriter, r *server.Request) error {
	var o RemoveOptions
	if err := switches(r, map[string]*bool{"v": &o.Volumes, "force": &o.Force, "link": &o.Link}); err != nil {
		return err
	}
	ref := r.Var("id")
	removed, waiting := h.backend.Wait(ref, container.WaitConditionRemoved) // before: afterwards the name is gone
	err := h.backend.Remove(r.Context(), ref, o)
	if err != nil && waiting == nil && h.backend.InProgress(err) && r.Trait("delete-in-progress") {
		_, _, err = removed(r.Context())
	}
	if err != nil && isConflict(err) && r.Trait("remove-running-500") {
		err = server.Status(http.StatusInternalServerError, err)
	}
	return none(w, err)
}

func (h handlers) prune(w http.ResponseWriter, r *server.Request) error {
	return server.Prune(w, r, h.backend.Prune)
}

func (h handlers) commit(w http.ResponseWriter, r *server.Request) error {
	q := r.Query()
	o := CommitOptions{Repo: q.Get("repo"), Tag: q.Get("tag"), Comment: q.Get("comment"), Author: q.Get("author"), Changes: q["changes"], Pause: true}
	if err := switches(r, map[string]*bool{"pause": &o.Pause}); err != nil {
		return err
	}
	if r.Trait("commit-run") {
		if err := r.DecodeQuery("run", &o.Config); err != nil {
			return err
		}
	}
	if err := r.Decode(&o.Config); err != nil {
		return err
	}
	id, err := h.backend.Commit(r.Context(), q.Get("container"), o)
	if err != nil {
		return err
	}
	if r.Trait("commit-raw-type") {
		w.Header().Set("Content-Type", rawType)
	}
	return server.JSON(w, r, http.StatusCreated, container.CommitResponse{ID: id})
}
