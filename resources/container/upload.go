package container

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

// uploadLabel is where upload_hash is kept: on the container, because no engine tells what a file was put there from.
// It gives nothing away to people who can inspect a container; they can copy the files out of it.
const uploadLabel = "cleat.upload-hash"

// file is an upload with its content.
type file struct {
	path    string
	mode    int64
	content []byte
	source  bool // read from a local file
}

// readUploads returns the files to put into the container, by path.
func readUploads(b contract.Blocks[Upload]) ([]file, error) {
	files := make([]file, 0, len(b.Items))
	for _, u := range b.Items {
		f := file{path: path.Clean(u.File.ValueString()), mode: 0o644}
		if u.Executable.ValueBool() {
			f.mode = 0o744
		}
		var err error
		if s := u.Permissions.ValueString(); s != "" {
			if f.mode, err = strconv.ParseInt(s, 8, 32); err != nil {
				return nil, contract.At("upload", "file %q: permissions: %w", f.path, err)
			}
		}
		switch {
		case u.Source.ValueString() != "":
			f.source = true
			f.content, err = os.ReadFile(u.Source.ValueString())
		case u.ContentBase64.ValueString() != "":
			f.content, err = base64.StdEncoding.DecodeString(u.ContentBase64.ValueString())
		default:
			f.content = []byte(u.Content.ValueString())
		}
		if err != nil {
			return nil, contract.At("upload", "file %q: %w", f.path, err)
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// hashSources is the hash over the files read from local ones, null when there are none.
func hashSources(b contract.Blocks[Upload], files []file) types.String {
	h, any := sha256.New(), false
	for _, f := range files {
		if !f.source {
			continue
		}
		any = true
		sum := sha256.Sum256(f.content)
		fmt.Fprintf(h, "%q %x\n", f.path, sum)
	}
	if !any || b.Unknown {
		return types.StringNull()
	}
	return types.StringValue(hex.EncodeToString(h.Sum(nil)))
}

// upload puts all files into the container in one archive. Directories that do not exist are made by the engine.
func upload(ctx context.Context, e API, id string, files []file) error {
	if len(files) == 0 {
		return nil
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	var errFile error
	for _, f := range files {
		header := &tar.Header{Name: strings.TrimPrefix(f.path, "/"), Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			errFile = errors.Join(errFile, err)
			continue
		}
		_, err := w.Write(f.content)
		errFile = errors.Join(errFile, err)
	}
	if err := errors.Join(errFile, w.Close()); err != nil {
		return contract.At("upload", "%w", err)
	}
	if _, err := e.CopyToContainer(ctx, id, moby.CopyToContainerOptions{DestinationPath: "/", Content: &archive, AllowOverwriteDirWithFile: true}); err != nil {
		return contract.At("upload", "%w", err)
	}
	return nil
}
