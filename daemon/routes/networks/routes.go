package networks

import (
	"net/http"

	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Routes are the calls about networks.
func Routes(b Backend) []server.Route {
	h := handler{b}
	networks, prunes := version.Of(1, 21), version.Of(1, 25)
	return []server.Route{
		{Method: http.MethodGet, Path: "/networks", Since: networks, Handle: h.list},
		{Method: http.MethodPost, Path: "/networks/create", Since: networks, Handle: h.create},
		{Method: http.MethodPost, Path: "/networks/prune", Since: prunes, Handle: h.prune},
		{Method: http.MethodGet, Path: "/networks/{id}", Since: networks, Handle: h.inspect},
		{Method: http.MethodDelete, Path: "/networks/{id}", Since: networks, Handle: h.remove},
		{Method: http.MethodPost, Path: "/networks/{id}/connect", Since: networks, Handle: h.connect},
		{Method: http.MethodPost, Path: "/networks/{id}/disconnect", Since: networks, Handle: h.disconnect},
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
	if r.Trait("network-list-containers") {
		return server.JSON(w, r, http.StatusOK, list)
	}
	short := make([]network.Summary, len(list))
	for i, n := range list {
		short[i] = network.Summary{Network: n.Network}
	}
	return server.JSON(w, r, http.StatusOK, short)
}

func (h handler) create(w http.ResponseWriter, r *server.Request) error {
	var body network.CreateRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	id, err := h.b.Create(r.Context(), body)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusCreated, network.CreateResponse{ID: id})
}

func (h handler) inspect(w http.ResponseWriter, r *server.Request) error {
	if _, err := r.Bool("verbose"); err != nil { // about services of a swarm: there is nothing more to say
		return err
	}
	n, err := h.b.Inspect(r.Var("id"))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, n)
}

func (h handler) remove(w http.ResponseWriter, r *server.Request) error {
	if err := h.b.Remove(r.Context(), r.Var("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h handler) connect(w http.ResponseWriter, r *server.Request) error {
	var body network.ConnectRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	if err := h.b.Connect(r.Context(), r.Var("id"), body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h handler) disconnect(w http.ResponseWriter, r *server.Request) error {
	var body network.DisconnectRequest
	if err := r.Decode(&body); err != nil {
		return err
	}
	if err := h.b.Disconnect(r.Context(), r.Var("id"), body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h handler) prune(w http.ResponseWriter, r *server.Request) error {
	return server.Prune(w, r, h.b.Prune)
}
