package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestK224HostOfTheSameApply: K#224, K#564: the engine's address comes from a resource of the same apply. Everything is
// planned before it is known, made when it is, and nothing is lost when it is unknown again.
func TestK224HostOfTheSameApply(t *testing.T) {
	t.Parallel()
	terraform := drivers(t)[1]
	for _, e := range []*acctest.Engine{acctest.Dockerd(t), acctest.Podman(t)} {
		t.Run(e.Name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "cl") // sockets have short paths
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			p := newStack(t, terraform, e, filepath.Join("testdata", "lazy"))
			p.vars = append(p.vars, "-var", "socket="+filepath.Join(dir, "sock"), "-var", "engine="+strings.TrimPrefix(e.Host, "unix://"))
			if out := p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...); !strings.Contains(out, "6 to add, 0 to change, 0 to destroy") {
				t.Errorf("the plan without a host:\n%s", lastLines(out, 40))
			}
			made := named(t, e, "cleat-lazy")
			if len(made) != 4 {
				t.Errorf("made %q, want 4 objects", made)
			}
			p.must(t, 0, p.with("plan", "-detailed-exitcode", "-no-color")...)
			p.vars = append(p.vars, "-var", "generation=2") // the address is unknown again
			if out := p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...); !strings.Contains(out, "Resources: 1 added, 0 changed, 1 destroyed") {
				t.Errorf("the host was made anew, what is on it was to stay:\n%s", lastLines(out, 20))
			}
			if diff := cmp.Diff(made, named(t, e, "cleat-lazy")); diff != "" {
				t.Errorf("the engine before and after its address was unknown (-before +after):\n%s", diff)
			}
			p.must(t, 0, p.with("destroy", "-auto-approve", "-no-color")...)
			if left := named(t, e, "cleat-lazy"); left != nil {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// TestTwoHosts: two engines in one apply, the second one through SSH as it is configured for the user.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	first, second := acctest.Dockerd(t), acctest.Cleatd(t)
	server := acctest.StartSSHD(t)
	home := t.TempDir()
	config := fmt.Sprintf("Host edge\n  HostName 127.0.0.1\n  Port %s\n  User root\n  IdentityFile %s\n  UserKnownHostsFile %s\n", server.Port, server.Key, server.KnownHosts)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range drivers(t) {
		d.env = append(d.env, "HOME="+home, "SSH_AUTH_SOCK=")
		t.Run(d.name, func(t *testing.T) {
			p := newStack(t, d, first, filepath.Join("testdata", "pair"))
			vars := p.vars
			p.vars = append(vars[:len(vars):len(vars)], "-var", "second_host=ssh://nobody-there.invalid")
			out := strings.Join(strings.Fields(strings.ReplaceAll(p.must(t, 1, p.with("plan", "-no-color")...), "│", "")), " ")
			if !strings.Contains(out, "docker engine at ssh://nobody-there.invalid: the host name nobody-there.invalid cannot be resolved") {
				t.Errorf("the error does not name the host:\n%s", out)
			}
			p.vars = append(vars[:len(vars):len(vars)], "-var", "second_host=ssh://edge"+strings.TrimPrefix(second.Host, "unix://"))
			p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...)
			for e, want := range map[*acctest.Engine][]string{
				first: {"volume cleat-pair"}, second: {"container /cleat-pair-0", "container /cleat-pair-1", "network cleat-pair"},
			} {
				if diff := cmp.Diff(want, named(t, e, "cleat-pair")); diff != "" {
					t.Errorf("on %s (-want +got):\n%s", e.Name, diff)
				}
			}
			p.must(t, 0, p.with("plan", "-detailed-exitcode", "-no-color")...)
			p.must(t, 0, p.with("destroy", "-auto-approve", "-no-color")...)
			if left := append(named(t, first, "cleat-pair"), named(t, second, "cleat-pair")...); left != nil {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// named is what of an engine that others use at the same time has this in its name.
func named(t *testing.T, e *acctest.Engine, part string) []string {
	t.Helper()
	var all []string
	for _, item := range inventory(t, e) {
		if strings.Contains(item, part) {
			all = append(all, item)
		}
	}
	slices.Sort(all)
	return all
}
