package acceptance

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerexec"
)

// sleeper is a container that stays, with a command of its own.
const sleeper = `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}`

// in runs a command in the test's container behind Terraform's back and returns what it wrote.
func (b bench) in(command ...string) (string, error) {
	r, err := containerexec.Run(context.WithoutCancel(b.t.Context()), b.docker, b.prefix, containerexec.Options{Command: command, Limit: 1 << 20})
	return r.Stdout + r.Stderr, err
}

// has is a check that a command in the test's container writes a text.
func (b bench) has(want string, command ...string) resource.TestCheckFunc {
	return goneCheck("another text than "+want, func() (bool, error) {
		got, err := b.in(command...)
		if err == nil && got != want {
			b.t.Errorf("%v wrote %q, want %q", command, got, want)
		}
		return false, err
	})
}

// TestExec: a command runs once, again on a change and in another container, is undone before and at the end.
func TestExec(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_exec.a"
		exec := func(trigger string) string {
			return sleeper + `
resource "docker_exec" "a" {
  container       = docker_container.a.id
  command         = ["sh", "-c", "read line; echo $line >> /log; cat /log; echo problem >&2; exit 3"]
  stdin           = "did\n"
  destroy_command = ["sh", "-c", "echo undid >> /log"]
  triggers        = { version = "` + trigger + `" }
  expect_exit_codes = [0, 3]
}`
		}
		remove := b.must(func() error {
			_, err := b.docker.ContainerRemove(t.Context(), b.prefix, moby.ContainerRemoveOptions{Force: true})
			return err
		})
		var id, container remembered
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: exec("1"), Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "exit_code", "3"),
				resource.TestCheckResourceAttr(address, "stdout", "did\n"),
				resource.TestCheckResourceAttr(address, "stderr", "problem\n"),
				resource.TestCheckResourceAttrPair(address, "container_id", "docker_container.a", "id"),
				id.keep(address, "id"), container.keep("docker_container.a", "id"),
			)},
			resource.TestStep{Config: exec("1"), ConfigPlanChecks: empty()},
			resource.TestStep{ // the same container by its name is no other
				Config: strings.Replace(exec("1"), "docker_container.a.id", "docker_container.a.name", 1), Check: id.same(address, "id"),
			},
			resource.TestStep{Config: exec("2"), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "stdout", "did\nundid\ndid\n"), id.other(address, "id"),
			)},
			resource.TestStep{ // another container: the command runs in it, and there is nothing to undo
				Config: strings.Replace(exec("2"), `"3600"`, `"3601"`, 1), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: resource.ComposeTestCheckFunc(
					resource.TestCheckResourceAttr(address, "stdout", "did\n"), container.other("docker_container.a", "id"),
					resource.TestCheckResourceAttrPair(address, "container_id", "docker_container.a", "id"),
				),
			},
			resource.TestStep{Config: strings.Replace(sleeper, `"3600"`, `"3601"`, 1), Check: b.has("did\nundid\n", "cat", "/log")},
			resource.TestStep{Config: strings.Replace(exec("2"), `"3600"`, `"3601"`, 1)},
			resource.TestStep{ // the container was removed: the run is gone with it
				PreConfig: remove, Config: strings.Replace(exec("2"), `"3600"`, `"3601"`, 1), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate),
			},
		)
	})
}

// TestExecFails: what fails says how and is not recorded; what takes too long is killed; a secret is in no error.
func TestExecFails(t *testing.T) {
	const refused = `
resource "docker_exec" "a" {
  container = "a"
  command   = ["true"]
  env       = ["A=b"]
}`
	eachToday(t, refused, `env.*needs engine API\s+1.25`, func(b bench) {
		const address = "docker_exec.a"
		exec := func(rest string) string {
			return sleeper + "\nresource \"docker_exec\" \"a\" {\n  container = docker_container.a.id\n" + rest + "\n}"
		}
		secret := exec(`
  command          = ["sh", "-c", "echo $TOKEN; id -u; pwd"]
  env              = ["TOKEN=hidden"]
  user             = "7"
  working_dir      = "/tmp"
  sensitive_output = true`)
		b.run(b.containerGone(b.prefix),
			resource.TestStep{
				Config:      exec(`command = ["sh", "-c", "echo ran >> /log; echo the reason; exit 4"]`),
				ExpectError: regexp.MustCompile(`(?s)command.*ended with exit code\s+4,\s+expected 0.*the reason`),
			},
			resource.TestStep{
				Config:      exec("command = [\"sh\", \"-c\", \"echo ran >> /log; cat /log; echo $$ > /pid; sleep 3600 & wait\"]\ntimeout = 4"),
				ExpectError: regexp.MustCompile(`(?s)did not end within\s+4s; it was killed.*ran\s+ran`),
			},
			resource.TestStep{
				PreConfig: b.must(func() error {
					found, err := b.in("sh", "-c", "ls -d /proc/$(cat /pid)")
					if err == nil && strings.HasPrefix(found, "/proc") {
						return errors.New("the command that took too long still runs")
					}
					return err
				}),
				Config: secret, Check: resource.ComposeTestCheckFunc(
					resource.TestCheckResourceAttr(address, "secret_stdout", "hidden\n7\n/tmp\n"),
					resource.TestCheckNoResourceAttr(address, "stdout"),
					resource.TestCheckResourceAttr(address, "truncated", "false"),
				)},
			resource.TestStep{Config: secret, ConfigPlanChecks: empty()},
			resource.TestStep{
				Config:      exec("command = [\"sh\", \"-c\", \"echo hidden; exit 1\"]\nsensitive_output = true"),
				ExpectError: regexp.MustCompile(`(?s)exit code 1,\s+expected 0.*\(its\s+output\s+is\s+sensitive\)`),
			},
			resource.TestStep{Config: exec("command = [\"seq\", \"10000\"]\ntty = true"), Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "truncated", "true"), resource.TestMatchResourceAttr(address, "stdout", regexp.MustCompile("9999\r\n10000\r\n$")),
			)},
			resource.TestStep{Config: exec("command = [\"cat\"]\ntty = true\nstdin = \"a\""), PlanOnly: true, ExpectError: regexp.MustCompile("No standard input with a terminal")},
			resource.TestStep{ // what cannot be undone stays in the state, and says why
				Config: exec(`
  command         = ["true"]
  destroy_command = ["sh", "-c", "echo no; exit 5"]`),
			},
			resource.TestStep{Config: sleeper, ExpectError: regexp.MustCompile(`(?s)destroy_command.*exit code 5.*no`)},
			resource.TestStep{
				Config: exec(`command = ["true"]`), // only what is recorded changes
			},
		)
		if _, err := b.docker.ContainerInspect(context.WithoutCancel(t.Context()), b.prefix, moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("container: %v", err)
		}
	})
}
