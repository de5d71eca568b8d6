//go:build linux

package builds_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// words are cases whose last message another service has words of its own for.
var words = map[string]bool{"nocommand": true, "noimage": true}

// TestCleatd builds what was recorded from dockerd on the whole daemon: real containers, real images.
func TestCleatd(t *testing.T) {
	e := acctest.Cleatd(t)
	byName := map[string]golden{}
	all := goldens(t)
	for _, g := range all {
		byName[g.name()] = g
	}
	for _, g := range all {
		t.Run(g.name(), func(t *testing.T) {
			do := overSocket(e.Host)
			if g.version == "1.18" && !hasTrait() {
				t.Skip("api/codec does not have the trait build-no-aux yet")
			}
			if g.before != "" {
				first := byName[g.before]
				first.build(t, do)
			}
			if g.times == 1 {
				g.query.Set("nocache", "1") // cases share an engine: what another left must not show
			}
			got, id := g.build(t, do)
			want := g.section("cleatd")
			if want == nil {
				want = g.section("dockerd")
			} else {
				_, want, _ = bytes.Cut(want, []byte("\n"))
			}
			if words[g.name()] {
				want, got = []byte(butLast(string(want))), butLast(got)
			}
			if diff := diffOf(want, got); diff != "" {
				t.Errorf("dockerd (-), here (+):\n%s", diff)
			}
			if id == "" {
				return
			}
			image := inspect(t, do, id, func(line string) string { return healthStart.ReplaceAllString(line, "$1$2") })
			if diff := diffOf(g.section("image"), image); diff != "" {
				t.Errorf("image of dockerd (-), here (+):\n%s", diff)
			}
		})
	}
}

func butLast(text string) string {
	return text[:strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1]
}

// BenchmarkBuild measures builds without cache, here and on dockerd: five RUN true is the one of issue 3.
func BenchmarkBuild(b *testing.B) {
	for _, step := range []string{"RUN true", "RUN echo x > /x", "ENV a=b", "COPY Dockerfile /"} {
		for _, engine := range []string{"cleatd", "dockerd"} {
			b.Run(step+" "+engine, func(b *testing.B) {
				e := acctest.Dockerd
				if engine == "cleatd" {
					e = acctest.Cleatd
				}
				do := overSocket(e(b).Host)
				body := dockerfile(b, "FROM busybox:1\n"+strings.Repeat(step+"\n", 5))
				for b.Loop() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://engine/build?nocache=1&q=1", bytes.NewReader(body))
					must(b, err)
					resp, err := do(r)
					must(b, err)
					var answer bytes.Buffer
					_, err = answer.ReadFrom(resp.Body)
					must(b, err)
					must(b, resp.Body.Close())
					if !strings.Contains(answer.String(), "sha256:") {
						b.Fatal(answer.String())
					}
				}
			})
		}
	}
}
