package containers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/daemon/server"
)

// tarType is the media type of archives, octetType that of export, and of copy before there was another.
const (
	tarType   = "application/x-tar"
	octetType = "application/octet-stream"
)

// statHeader carries what HEAD and GET archive say of the path.
const statHeader = "X-Docker-Container-Path-Stat"

func (h handlers) export(w http.ResponseWriter, r *server.Request) error {
	write, done, err := h.backend.Export(r.Context(), r.Var("id"))
	if err != nil {
		return err
	}
	defer done()
	w.Header().Set("Content-Type", octetType)
	return send(r.Context(), w, write)
}

// send writes an archive. The header goes out with its first bytes, so that an error before them has a status.
func send(ctx context.Context, w http.ResponseWriter, write func(context.Context, io.Writer) error) error {
	if err := write(ctx, w); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// copy is what clients before 1.20 read files with. Resource is a path from the root, with or without slash.
func (h handlers) copy(w http.ResponseWriter, r *server.Request) error {
	var body struct{ Resource string }
	if err := r.Decode(&body); err != nil {
		return err
	}
	if body.Resource == "" {
		return badParameter("Resource", "path cannot be empty")
	}
	_, write, done, err := h.backend.ArchivePath(r.Context(), r.Var("id"), body.Resource, true)
	if err != nil {
		return err
	}
	defer done()
	w.Header().Set("Content-Type", tarType)
	if r.Trait("copy-octet-stream") {
		w.Header().Set("Content-Type", octetType)
	}
	return send(r.Context(), w, write)
}

// archivePath reads the parameter path.
func archivePath(r *server.Request) (string, error) {
	path := r.Query().Get("path")
	if path == "" {
		return "", badParameter("path", "cannot be empty")
	}
	return path, nil
}

// describe puts what a path is into the header.
func describe(w http.ResponseWriter, stat container.PathStat) error {
	raw, err := json.Marshal(stat)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	w.Header().Set(statHeader, base64.StdEncoding.EncodeToString(raw))
	return nil
}

func (h handlers) statArchive(w http.ResponseWriter, r *server.Request) error {
	path, err := archivePath(r)
	if err != nil {
		return err
	}
	stat, err := h.backend.StatPath(r.Context(), r.Var("id"), path)
	if err != nil {
		return err
	}
	if err := describe(w, stat); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h handlers) getArchive(w http.ResponseWriter, r *server.Request) error {
	path, err := archivePath(r)
	if err != nil {
		return err
	}
	stat, write, done, err := h.backend.ArchivePath(r.Context(), r.Var("id"), path, false)
	if err != nil {
		return err
	}
	defer done()
	if err := describe(w, stat); err != nil {
		return err
	}
	w.Header().Set("Content-Type", tarType)
	return send(r.Context(), w, write)
}

func (h handlers) putArchive(w http.ResponseWriter, r *server.Request) error {
	path, err := archivePath(r)
	if err != nil {
		return err
	}
	keep, owned := false, false
	if err := switches(r, map[string]*bool{"noOverwriteDirNonDir": &keep, "copyUIDGID": &owned}); err != nil {
		return err
	}
	err = h.backend.Extract(r.Context(), r.Var("id"), path, keep, owned, r.Body)
	var readOnly interface{ ReadOnly() bool }
	if errors.As(err, &readOnly) {
		return server.Status(http.StatusForbidden, err)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
