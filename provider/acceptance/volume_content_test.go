package acceptance

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	moby "github.com/moby/moby/client"
)

// helpersGone is a check that nothing is left of what reached the volume.
func (b bench) helpersGone() resource.TestCheckFunc {
	return goneCheck("a container that reached a volume", func() (bool, error) {
		found, err := b.docker.ContainerList(context.WithoutCancel(b.t.Context()), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "cleat.helper=volume-content")})
		return len(found.Items) > 0, err
	})
}

// TestVolumeContent: files are put into a volume, drift is seen and repaired, what is dropped goes, foreign files stay
// until they are pruned, an archive takes the place of a directory, and nothing is left of how it was done.
func TestVolumeContent(t *testing.T) {
	eachToday(t, `
resource "docker_volume_content" "a" {
  volume = "a"
  source = "/a"
}`, `needs engine API\s+1.21`, func(b bench) {
		const address = "docker_volume_content.a"
		dir := t.TempDir()
		write := func(name, content string) {
			t.Helper()
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		write("index.html", "hello")
		write("css/a.css", "body{}")
		archive := filepath.Join(t.TempDir(), "site.tar.gz")
		if err := writeArchive(archive, map[string]string{"index.html": "from the archive"}); err != nil {
			t.Fatal(err)
		}
		base := func(container string) string {
			return `
resource "docker_volume" "a" { name = "PREFIX" }
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
  volumes {
    volume_name    = docker_volume.a.name
    container_path = "/www"
  }
}` + container
		}
		content := func(rest string) string {
			return base("\nresource \"docker_volume_content\" \"a\" {\n  volume = docker_volume.a.name\n" + rest + "\n}")
		}
		source := fmt.Sprintf("source = %q\n", dir)
		first, helped, pruned := content(source), content(source+"helper_image = \"busybox:1\""), content(source+"helper_image = \"busybox:1\"\nprune = true")
		b.run(resource.ComposeTestCheckFunc(b.containerGone(b.prefix), b.volumeGone(b.prefix), b.helpersGone()),
			resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
				resource.TestMatchResourceAttr(address, "files.css/a.css", regexp.MustCompile("^0644 0:0 6 [0-9a-f]{64}$")),
				b.has("hellobody{}", "sh", "-c", "cat /www/index.html /www/css/a.css"), b.helpersGone(),
			)},
			resource.TestStep{PreConfig: b.does("sh", "-c", "echo mine > /www/mine"), Config: first, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: b.does("sh", "-c", "echo bad > /www/index.html; rm -r /www/css"), Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("hellobody{}mine\n", "sh", "-c", "cat /www/index.html /www/css/a.css /www/mine")},
			resource.TestStep{ // a file that is declared no longer
				PreConfig: b.must(func() error { return os.RemoveAll(filepath.Join(dir, "css")) }), Config: helped, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("index.html\nmine\n", "ls", "/www"),
			},
			resource.TestStep{PreConfig: b.does("sh", "-c", "mkdir -p /www/x/y; echo foreign > '/www/x/y/a file'"), Config: pruned,
				ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: b.has("index.html\n", "ls", "/www")},
			resource.TestStep{Config: pruned, ConfigPlanChecks: empty()},
			resource.TestStep{Config: content(fmt.Sprintf("archive = %q\nuid = 5\nhelper_image = \"busybox:1\"", archive)), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("5 6 from the archive", "sh", "-c", "stat -c '%u %g' /www/index.html | tr '\\n' ' '; cat /www/index.html")},
			resource.TestStep{Config: base(""), Check: b.has("", "ls", "/www")},
			resource.TestStep{Config: content(source + "prune = true"), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)prune.*needs\s+helper_image`)},
			resource.TestStep{Config: strings.Replace(first, dir, dir+"/index.html", 1), ExpectError: regexp.MustCompile(`(?s)is a file, not a\s+directory`)},
			resource.TestStep{Config: first},
		)
	})
}

// writeArchive writes files that belong to 4:6 as a compressed tar archive.
func writeArchive(name string, files map[string]string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(file)
	w := tar.NewWriter(packed)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: 4, Gid: 6, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := w.Write([]byte(content)); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), packed.Close(), file.Close())
}
