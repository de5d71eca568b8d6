package clients

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// reaperImage is the one testcontainers-go asks for.
const reaperImage = "testcontainers/ryuk:0.14.0"

// TestTestcontainers: a suite made with testcontainers-go passes, and what it cannot remove itself is removed for it.
//
// The library's reaper is an image nobody here can pull. The suite runs without it by the library's own setting, and once
// with programs/ryuk in its place.
func TestTestcontainers(t *testing.T) {
	t.Parallel()
	suite := fetched(t, "testcontainers")
	for _, engine := range []func(*testing.T) *acctest.Engine{
		func(t *testing.T) *acctest.Engine { return acctest.NewCleatd(t) },
		func(t *testing.T) *acctest.Engine { return acctest.NewDockerd(t) },
	} {
		e := engine(t)
		t.Run(e.Name, func(t *testing.T) {
			before := inventory(t, e)
			t.Run("without reaper", func(t *testing.T) {
				out := testcontainers(t, e, "ryuk.disabled=true\n", suite, "-test.v")
				if ran := len(regexp.MustCompile(`(?m)^--- PASS`).FindAllString(out, -1)); ran != 5 {
					t.Errorf("%d tests passed, want 5:\n%s", ran, out)
				}
				if after := inventory(t, e); !slices.Equal(before, after) {
					t.Errorf("left behind: %q, before: %q", after, before)
				}
			})
			t.Run("reaper", func(t *testing.T) { reap(t, e, suite) })
		})
	}
}

// reap has a run end with its container and its network still there, and waits until they are gone.
func reap(t *testing.T, e *acctest.Engine, suite string) {
	before := inventory(t, e)
	c := e.Client(t)
	loadReaper(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), mobyTimeout)
	defer cancel()
	heard := c.Events(ctx, client.EventsListOptions{Filters: make(client.Filters).Add("type", "container").Add("event", "destroy")})
	testcontainers(t, e, "ryuk.reconnection.timeout=100ms\n", suite, "-test.run", "^TestLeft$", "-leave")
	var gone []string
	for len(gone) < 2 { // the container, and the reaper, which removes itself
		select {
		case m := <-heard.Messages:
			gone = append(gone, m.Actor.Attributes["image"])
		case err := <-heard.Err:
			t.Fatalf("%v; removed so far: %q", err, gone)
		}
	}
	if want := []string{acctest.Busybox, reaperImage}; !slices.Equal(slices.Sorted(slices.Values(gone)), want) {
		t.Errorf("removed %q, want %q", gone, want)
	}
	want := append(before, "image "+reaperImage)
	slices.Sort(want)
	if after := inventory(t, e); !slices.Equal(want, after) {
		t.Errorf("left behind: %q, before: %q", after, before)
	}
}

// testcontainers runs the suite with the library's properties in its home, and returns what it wrote.
func testcontainers(t *testing.T, e *acctest.Engine, properties, suite string, args ...string) string {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".testcontainers.properties"), []byte(properties), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), suite, append(args, "-test.timeout", "2m")...)
	cmd.Dir = home
	cmd.Env = append(e.Env(), "HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// loadReaper puts the stand-in into an engine, in an image of the name the library knows.
func loadReaper(t *testing.T, c *client.Client) {
	t.Helper()
	program, err := os.ReadFile(fetched(t, "ryuk"))
	if err != nil {
		t.Fatal(err)
	}
	var rootfs bytes.Buffer
	w := tar.NewWriter(&rootfs)
	err = w.WriteHeader(&tar.Header{Name: "ryuk", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(program)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	answer, err := c.ImageImport(t.Context(), client.ImageImportSource{Source: &rootfs, SourceName: "-"}, reaperImage,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/ryuk"]`, "EXPOSE 8080"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	var said bytes.Buffer
	if _, err := said.ReadFrom(answer); err != nil || strings.Contains(said.String(), `"error"`) {
		t.Fatalf("%s: %s, %v", reaperImage, said.String(), err)
	}
}
