package acctest

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// Images every engine starts with. They differ in content, so in id.
const (
	// Busybox has a shell and the usual commands; run without a command it ends at once.
	Busybox = "busybox:1"
	// HTTPServer answers "hello from cleat" on port 80, which it exposes, when run without a command.
	HTTPServer = "cleat-test/http:1"
)

// applets are the commands of the images: what examples and tests use, not all of busybox's hundreds.
const applets = "sh ls cat echo true false sleep env id hostname ip httpd wget nc ps kill mkdir rm cp mv ln touch test [ grep sed awk head tail " +
	"wc stat chmod chown date df mount umount nslookup ping dd sync seq sort tr cut printf yes find xargs pwd basename dirname uname whoami md5sum sha256sum"

// fixed is the time of every file in the images, so that they have the same id on every engine and in every run.
var fixed = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// RootFS returns a file system, as a tar archive, with a static busybox, its commands and the extra files given.
func RootFS(extra map[string]string) ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, missingf("busybox is not installed: run 'make setup'")
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(h tar.Header, content []byte) {
		h.ModTime, h.Size, h.Format = fixed, int64(len(content)), tar.FormatUSTAR
		if err == nil {
			err = w.WriteHeader(&h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var", "www"} {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	for _, applet := range strings.Fields(applets) {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777}, nil)
	}
	files := map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\napp:x:1000:1000:app:/home:/bin/sh\n",
		"etc/group":  "root:x:0:\nnobody:x:65534:\napp:x:1000:\n",
	}
	for name, content := range extra {
		files[name] = content
	}
	for _, name := range sortedKeys(files) {
		add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, []byte(files[name]))
	}
	if err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// loadImages puts the images into a new engine.
func (e *Engine) loadImages(ctx context.Context) error {
	c, err := e.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := LoadBusybox(ctx, c, Busybox); err != nil {
		return err
	}
	return LoadOwn(ctx, c, HTTPServer, "hello from cleat\n")
}

// LoadBusybox puts the image [Busybox] into any engine under the name given.
func LoadBusybox(ctx context.Context, c *client.Client, ref string) error {
	return load(ctx, c, ref, nil, `CMD ["sh"]`, "ENV PATH=/bin")
}

// LoadOwn puts an image like [HTTPServer] that answers the text given into any engine. A text of the caller's own makes
// it an image of its own: a test that gives and takes names of an image while others do wants one, because podman 4
// loses names of an image that change at the same time. A reference that another image has moves to this one.
func LoadOwn(ctx context.Context, c *client.Client, ref, text string) error {
	www := map[string]string{"www/index.html": text}
	return load(ctx, c, ref, www, `CMD ["httpd","-f","-p","80","-h","/www"]`, "EXPOSE 80")
}

// load imports a file system as an image. A loaded archive would need an image configuration; the import call writes
// it from Dockerfile instructions, on every engine since API 1.6.
func load(ctx context.Context, c *client.Client, ref string, files map[string]string, changes ...string) error {
	rootfs, err := RootFS(files)
	if err != nil {
		return err
	}
	source := client.ImageImportSource{Source: bytes.NewReader(rootfs), SourceName: "-"}
	answer, err := c.ImageImport(ctx, source, ref, client.ImageImportOptions{Changes: changes})
	if err != nil {
		return fmt.Errorf("import %s: %w", ref, err)
	}
	defer answer.Close()
	return progress(ref, answer)
}

// progress reads the messages of an image call to their end and returns the error among them.
func progress(ref string, r io.Reader) error {
	for decoder := json.NewDecoder(r); ; {
		var message struct {
			Error string `json:"error"`
		}
		switch err := decoder.Decode(&message); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", ref, err)
		case message.Error != "":
			return fmt.Errorf("%s: %s", ref, message.Error)
		}
	}
}
