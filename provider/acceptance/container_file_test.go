package acceptance

import (
	"context"
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

// does is a step's preparation: a command in the test's container.
func (b bench) does(command ...string) func() {
	return b.must(func() error {
		_, err := b.in(command...)
		return err
	})
}

// TestContainerFile: a file is copied in, every kind of drift is seen and repaired, it follows the container, it is
// imported, and it is gone in the end.
func TestContainerFile(t *testing.T) {
	const needs120 = `needs engine API\s+1.20`
	eachToday(t, `
resource "docker_container_file" "a" {
  container = "a"
  path      = "/a"
  content   = "a"
}`, needs120, func(b bench) {
		const address = "docker_container_file.a"
		file := func(container, rest string) string {
			return container + "\nresource \"docker_container_file\" \"a\" {\n  container = docker_container.a.id\n  path = \"/opt/new/app.conf\"\n" + rest + "\n}"
		}
		owned := "permissions = \"0640\"\nuid = 7\ngid = 8\n"
		first := file(sleeper, "content = \"one\"\n"+owned)
		second := file(sleeper, "content_base64 = \"AAEC/w==\"\npermissions = \"0600\"")
		other := strings.Replace(sleeper, `"3600"`, `"3601"`, 1)
		stopped := strings.Replace(other, "destroy_grace", "must_run = false\n  start = false\n  destroy_grace", 1)
		repaired := func(what ...string) resource.TestStep {
			return resource.TestStep{PreConfig: b.does(what...), Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("640 7 8 one", "sh", "-c", "stat -c '%a %u %g' /opt/new/app.conf | tr '\\n' ' '; cat /opt/new/app.conf")}
		}
		disown, unknown := "chown 0:0 /opt/new/app.conf", []string{"container", "content", "permissions", "uid", "gid"}
		if b.engine.Name == "podman" { // which does not tell whose files are: the change is seen with another one
			disown += " && chmod 600 /opt/new/app.conf"
			unknown = append(unknown, "files")
		}
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
				resource.TestMatchResourceAttr(address, "files..", regexp.MustCompile("^0640 7:8 3 [0-9a-f]{64}$")),
				b.has("640 7 8 one", "sh", "-c", "stat -c '%a %u %g' /opt/new/app.conf | tr '\\n' ' '; cat /opt/new/app.conf"),
			)},
			resource.TestStep{Config: first, ConfigPlanChecks: empty()},
			resource.TestStep{Config: first, ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix + ":/opt/new/app.conf",
				ImportStateVerifyIgnore: unknown},
			repaired("sh", "-c", "printf two > /opt/new/app.conf"),
			repaired("sh", "-c", disown),
			resource.TestStep{PreConfig: b.does("rm", "/opt/new/app.conf"), Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
			resource.TestStep{Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("0001 02ff\n", "sh", "-c", "hexdump -e '4/1 \"%02x\" \"\\n\"' /opt/new/app.conf | sed 's/^..../& /'")},
			resource.TestStep{ // the file is in the container's successor at once
				Config: strings.Replace(second, `"3600"`, `"3601"`, 1), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.has("4\n", "sh", "-c", "wc -c < /opt/new/app.conf"),
			},
			resource.TestStep{Config: other, Check: b.has("", "sh", "-c", "ls /opt/new")},
			resource.TestStep{Config: file(stopped, "content = \"for a container that does not run\"")},
			resource.TestStep{Config: file(stopped, "content = \"for a container that does not run\""), ConfigPlanChecks: empty()},
			resource.TestStep{Config: stopped}, // it cannot be removed there, which is no failure
		)
	})
}

// TestContainerFiles: a directory is copied in, files of others are left alone, dropped files go, and a change of the
// source names the file.
func TestContainerFiles(t *testing.T) {
	eachToday(t, `
resource "docker_container_file" "a" {
  container = "a"
  path      = "/a"
  source    = "/a"
}`, `needs engine API\s+1.20`, func(b bench) {
		const address = "docker_container_file.a"
		dir := t.TempDir()
		write := func(name, content string) func() {
			return b.must(func() error {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644)
			})
		}
		write("a", "1")()
		write("sub/b", "2")()
		if err := os.Symlink("sub/b", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		config := sleeper + fmt.Sprintf(`
resource "docker_container_file" "a" {
  container = docker_container.a.name
  path      = "/etc"
  source    = %q
}`, dir)
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "files.%", "3"), resource.TestCheckResourceAttr(address, "files.link", "link sub/b"),
				b.has("12root", "sh", "-c", "cat /etc/a /etc/link; head -c 4 /etc/passwd"),
			)},
			resource.TestStep{PreConfig: b.does("sh", "-c", "echo mine > /etc/sub/mine"), Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: b.does("rm", "/etc/sub/b"), Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: b.has("2", "cat", "/etc/link")},
			resource.TestStep{PreConfig: func() {
				write("c", "3")()
				b.must(func() error { return os.Remove(filepath.Join(dir, "sub", "b")) })()
			}, Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: b.has("13mine\n", "sh", "-c", "cat /etc/a /etc/c /etc/sub/*")},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{Config: sleeper, Check: b.has("mine\n", "sh", "-c", "cat /etc/a /etc/c /etc/sub/* 2>/dev/null")},
			resource.TestStep{Config: strings.Replace(config, dir, dir+"/missing", 1), ExpectError: regexp.MustCompile(`(?s)source.*no such file`)},
		)
		if _, err := b.docker.ContainerInspect(context.WithoutCancel(t.Context()), b.prefix, moby.ContainerInspectOptions{}); err == nil {
			t.Error("the container is left")
		}
	})
}
