package images

import (
	"fmt"
	"net/http"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

type handlers struct{ backend Backend }

// Routes returns the calls (remote-api-v1.18, sections "Images", and of "Misc" those on archives and credentials).
func Routes(b Backend) []server.Route {
	h := handlers{b}
	v := func(minor int) version.Version { return version.Of(1, minor) }
	return []server.Route{
		{Method: "GET", Path: "/images/json", Handle: h.list, Doc: "List Images"},
		{Method: "GET", Path: "/images/viz", Until: v(7), Handle: h.graph},
		{Method: "GET", Path: "/images/{name...}/json", Handle: h.inspect, Doc: "Inspect an image"},
		{Method: "GET", Path: "/images/{name...}/history", Handle: h.history, Doc: "Get the history of an image"},
		{Method: "POST", Path: "/images/create", Handle: h.create, Doc: "Create an image"},
		{Method: "POST", Path: "/images/{name...}/push", Handle: h.push, Doc: "Push an image on the registry"},
		{Method: "POST", Path: "/images/{name...}/tag", Handle: h.tag, Doc: "Tag an image into a repository"},
		{Method: "DELETE", Path: "/images/{name...}", Handle: h.remove, Doc: "Remove an image"},
		{Method: "GET", Path: "/images/search", Handle: h.search, Doc: "Search images"},
		{Method: "GET", Path: "/images/{name...}/get", Since: v(7), Handle: h.get, Doc: "Get a tarball containing all images in a repository"},
		{Method: "GET", Path: "/images/get", Since: v(15), Handle: h.get, Doc: "Get a tarball containing all images"},
		{Method: "POST", Path: "/images/load", Since: v(7), Handle: h.load, Doc: "Load a tarball with a set of images and tags into docker"},
		{Method: "POST", Path: "/images/prune", Since: v(25), Handle: h.prune},
		{Method: "POST", Path: "/auth", Handle: h.auth, Doc: "Check auth configuration"},
		{Method: "GET", Path: "/distribution/{name...}/json", Since: v(30), Handle: h.distribution},
	}
}

func (h handlers) list(w http.ResponseWriter, r *server.Request) error {
	o := ListOptions{}
	var err error
	if o.All, err = r.Bool("all"); err != nil {
		return err
	}
	if o.SharedSize, err = r.Bool("shared-size"); err != nil {
		return err
	}
	if o.Filters, err = r.Filters(); err != nil {
		return err
	}
	list, err := h.backend.List(r.Context(), o)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, list)
}

func (h handlers) inspect(w http.ResponseWriter, r *server.Request) error {
	answer, err := h.backend.Inspect(r.Context(), r.Var("name"))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, answer)
}

func (h handlers) history(w http.ResponseWriter, r *server.Request) error {
	list, err := h.backend.History(r.Context(), r.Var("name"))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, list)
}

func (h handlers) tag(w http.ResponseWriter, r *server.Request) error {
	force := true
	if r.Trait("tag-needs-force") {
		var err error
		if force, err = r.Bool("force"); err != nil {
			return err
		}
	}
	q := r.Query()
	if err := h.backend.Tag(r.Context(), r.Var("name"), q.Get("repo"), q.Get("tag"), force); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (h handlers) remove(w http.ResponseWriter, r *server.Request) error {
	force, err := r.Bool("force")
	if err != nil {
		return err
	}
	noprune, err := r.Bool("noprune")
	if err != nil {
		return err
	}
	gone, err := h.backend.Remove(r.Context(), r.Var("name"), force, noprune)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, gone)
}

func (h handlers) prune(w http.ResponseWriter, r *server.Request) error {
	return server.Prune(w, r, h.backend.Prune)
}

func (h handlers) search(w http.ResponseWriter, r *server.Request) error {
	term := r.Query().Get("term")
	if term == "" {
		return fmt.Errorf("search needs a term: %w", errs.ErrInvalid)
	}
	limit, err := r.Int("limit", 0)
	if err != nil {
		return err
	}
	filters, err := r.Filters()
	if err != nil {
		return err
	}
	results, err := h.backend.Search(r.Context(), term, limit, filters, credentials(r))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, results)
}

func (h handlers) distribution(w http.ResponseWriter, r *server.Request) error {
	answer, err := h.backend.Distribution(r.Context(), r.Var("name"), credentials(r))
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, answer)
}
