//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/internal/registry"
)

// FuzzLoad: no archive brings the service down, and one that is refused leaves no image with a name.
func FuzzLoad(f *testing.F) {
	layer := archive(f, entry{Name: "a"})
	config, _ := json.Marshal(ocispec.Image{Platform: ocispec.Platform{OS: "linux"}, RootFS: ocispec.RootFS{DiffIDs: []digest.Digest{digest.FromBytes(layer)}}})
	id := strings.Repeat("ab", 32)
	add := func(files map[string]string) {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for name, content := range files {
			must(f, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Typeflag: tar.TypeReg}))
			_, err := io.WriteString(w, content)
			must(f, err)
		}
		must(f, w.WriteHeader(&tar.Header{Name: "link", Linkname: "../link", Typeflag: tar.TypeSymlink}), w.Close())
		f.Add(buf.Bytes())
	}
	add(map[string]string{"manifest.json": `[{"Config":"c","RepoTags":["x:1"],"Layers":["l"]}]`, "c": string(config), "l": string(layer)})
	add(map[string]string{"index.json": `{"manifests":[{"digest":"sha256:` + id + `"}]}`, "oci-layout": "{}"})
	add(map[string]string{"repositories": `{"x":{"1":"` + id + `"}}`, id + "/json": `{"id":"` + id + `"}`, id + "/layer.tar": string(layer)})
	add(map[string]string{id + "/json": `{"parent":"` + id + `"}`, "manifest.json": "link"})
	w := newWorld(f, registry.Config{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := w.Load(t.Context(), bytes.NewReader(raw), true, ignore); err == nil {
			return
		}
		for _, l := range w.snapshot() {
			if _, err := w.Service.config(t.Context(), l.record); err != nil {
				t.Errorf("image %s: %v", l.id, err)
			}
		}
	})
}

// FuzzManifest: what passes the checks can be worked with.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"config":{"size":2,"digest":"sha256:`+strings.Repeat("0", 64)+`"},"layers":[{"size":-1}]}`), []byte(`{"rootfs":{"diff_ids":["x"]},"history":[{}]}`))
	f.Fuzz(func(t *testing.T, raw, rawConfig []byte) {
		var m ocispec.Manifest
		if json.Unmarshal(raw, &m) != nil || checkManifest(m) != nil {
			return
		}
		for _, layer := range m.Layers {
			_ = blobPath(layer.Digest)
			_ = layerName(layer.Digest)
		}
		if config, err := readConfig(rawConfig, len(m.Layers)); err == nil {
			_ = chains(config.RootFS.DiffIDs)
		}
	})
}

// FuzzReference: every string is either a name that reads back the same, or refused; looking it up never panics.
func FuzzReference(f *testing.F) {
	for _, s := range []string{"busybox", "a/b:c", "x@sha256:" + strings.Repeat("0", 64), "sha256:12", ":", "@", "UPPER", "..", "a//b"} {
		f.Add(s, "latest")
	}
	i := newIndex()
	f.Fuzz(func(t *testing.T, repo, tag string) {
		if r := i.find(repo); r != nil {
			t.Errorf("%q was found in nothing", repo)
		}
		_ = noSuchImage(repo)
		_, _ = pick(repo, nil)
		named, err := ParseName(repo, tag)
		if err != nil {
			return
		}
		again, err := reference.ParseNormalizedNamed(reference.FamiliarString(named))
		if err != nil || again.String() != named.String() {
			t.Errorf("%q %q became %q, which reads as %v %v", repo, tag, named, again, err)
		}
	})
}

// FuzzDecompress: no stream takes more than it gives.
func FuzzDecompress(f *testing.F) {
	for _, pack := range []func([]byte) ([]byte, string){gzipped, plain, zstandard} {
		raw, _ := pack([]byte("hello"))
		f.Add(raw)
	}
	f.Add([]byte("BZh91AY&SY"))
	f.Add([]byte{0xfd, '7', 'z', 'X', 'Z', 0, 0, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Decompress(bytes.NewReader(raw))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 16<<20))
		_ = r.Close()
	})
}
