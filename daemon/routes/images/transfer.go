package images

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/server"
)

// credentials reads X-Registry-Auth. One that cannot be read is as good as none, as engines have it: whether
// credentials are needed is for the registry to say.
func credentials(r *server.Request) registry.AuthConfig {
	header := r.Header.Get("X-Registry-Auth")
	auth, err := authconfig.Decode(header)
	if err != nil { // clients of old used the other alphabet
		auth, err = authconfig.Decode(strings.NewReplacer("+", "-", "/", "_").Replace(header))
	}
	if err != nil || auth == nil {
		return registry.AuthConfig{}
	}
	return *auth
}

// sender returns what sends messages to the client.
func sender(w http.ResponseWriter, r *server.Request) func(stream.Message) error {
	s := server.Stream(w, r)
	return func(m stream.Message) error { return s.Send(m) }
}

func (h handlers) create(w http.ResponseWriter, r *server.Request) error {
	q := r.Query()
	from, source := q.Get("fromImage"), q.Get("fromSrc")
	switch {
	case from != "":
		return h.pull(w, r, from, q.Get("tag"), q.Get("platform"))
	case source == "":
		return fmt.Errorf("one of fromImage and fromSrc is needed: %w", errs.ErrInvalid)
	}
	i := Import{Source: source, Body: r.Body, Repo: q.Get("repo"), Tag: q.Get("tag"), Message: q.Get("message"), Changes: q["changes"], Platform: q.Get("platform")}
	_, err := h.backend.Import(r.Context(), i, sender(w, r))
	return err
}

func (h handlers) pull(w http.ResponseWriter, r *server.Request, from, tag, platform string) error {
	named, err := reference.ParseNormalizedNamed(strings.TrimSuffix(from, ":"))
	if err != nil {
		return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	if tag != "" {
		if pin, failed := digest.Parse(tag); failed == nil {
			named, err = reference.WithDigest(reference.TrimNamed(named), pin)
		} else {
			named, err = reference.WithTag(reference.TrimNamed(named), tag)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
		}
	}
	send := sender(w, r)
	if r.Trait("pull-begins") {
		if err := send(stream.Message{Status: "Pulling repository " + reference.FamiliarString(named)}); err != nil {
			return err
		}
	}
	if reference.IsNameOnly(named) {
		return h.backend.PullAll(r.Context(), named.String(), credentials(r), platform, send)
	}
	return h.backend.Pull(r.Context(), named.String(), credentials(r), platform, send)
}

func (h handlers) push(w http.ResponseWriter, r *server.Request) error {
	auth := credentials(r)
	if r.Trait("push-auth-body") {
		if err := r.DecodeUntyped(&auth); err != nil {
			return err
		}
	}
	to := ""
	if r.Trait("push-registry") {
		to = r.Query().Get("registry")
	}
	return h.backend.Push(r.Context(), r.Var("name"), r.Query().Get("tag"), to, auth, sender(w, r))
}

// get answers both calls for archives.
func (h handlers) get(w http.ResponseWriter, r *server.Request) error {
	names := r.Query()["names"]
	if name := r.Var("name"); name != "" {
		names = []string{name}
	}
	if len(names) == 0 {
		return fmt.Errorf("no image names: %w", errs.ErrInvalid)
	}
	w.Header().Set("Content-Type", "application/x-tar")
	return h.backend.Save(r.Context(), names, w)
}

// load answers with messages from 1.23 on; before, 200 says that all is well.
func (h handlers) load(w http.ResponseWriter, r *server.Request) error {
	quiet, err := r.Bool("quiet")
	if err != nil {
		return err
	}
	if !r.Trait("load-progress") {
		if err := h.backend.Load(r.Context(), r.Body, true, func(stream.Message) error { return nil }); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return h.backend.Load(r.Context(), r.Body, quiet, sender(w, r))
}

func (h handlers) auth(w http.ResponseWriter, r *server.Request) error {
	var auth registry.AuthConfig
	if err := r.Decode(&auth); err != nil {
		return err
	}
	answer, err := h.backend.Login(r.Context(), auth)
	if err != nil {
		return err
	}
	return server.JSON(w, r, http.StatusOK, answer)
}
