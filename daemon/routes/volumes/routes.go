package volumes

import (
	"fmt"
	"net/http"

	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Routes are the calls about volumes.
func Routes(b Backend) []server.Route {
	h := handler{b}
	named, prunes := version.Of(1, 21), version.Of(1, 25)
	return []server.Route{
		{Method: http.MethodGet, Path: "/volumes", Since: named, Handle: h.list},
		{Method: http.MethodPost, Path: "/volumes/create", Since: named, Handle: h.create},
		{Method: http.MethodPost, Path: "/volumes/prune", Since: prunes, Handle: h.prune},
		{Method: http.MethodGet, Path: "/volumes/{name}", Since: named, Handle: h.inspect},
		{Method: http.MethodPut, Path: "/volumes/{name}", Since: version.Of(1, 42), Handle: updateCluster},
		{Method: http.MethodDelete, Path: "/volumes/{name}", Since: named, Handle: h.remove},
	}
}

type handler struct{ b Backend }

func (h handler) list(w http.ResponseWriter, r *server.Request) error {
	filters, err := r.Filters()
	if err != nil {
		return err
	}
	list, err := h.b.List(filters)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, list)
}

func (h handler) create(w http.ResponseWriter, r *server.Request) error {
	var body volume.CreateRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	if body.ClusterVolumeSpec != nil {
		return fmt.Errorf("cluster volumes need a swarm, which this daemon is not: %w", errs.ErrInvalid)
	}
	v, err := h.b.Create(r.Context(), body.Name, body.Driver, body.DriverOpts, body.Labels)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusCreated, v)
}

func (h handler) inspect(w http.ResponseWriter, r *server.Request) error {
	v, err := h.b.Inspect(r.Var("name"))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, v)
}

// updateCluster is about volumes of a swarm's cluster alone.
func updateCluster(http.ResponseWriter, *server.Request) error {
	return server.ErrNoSwarm
}

func (h handler) remove(w http.ResponseWriter, r *server.Request) error {
	force, err := r.Bool("force")
	if err != nil {
		return err
	}
	if err := h.b.Remove(r.Context(), r.Var("name"), force); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h handler) prune(w http.ResponseWriter, r *server.Request) error {
	return server.Prune(w, r, h.b.Prune)
}
