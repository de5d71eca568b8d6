package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
)

// TestRecorded follows what dockerd 20.10 and podman 4.3 really sent.
func TestRecorded(t *testing.T) {
	t.Parallel()
	type outcome struct {
		ID, Step string
		At, Of   int64
		Class    error
		Last     string
	}
	for file, want := range map[string]outcome{
		"pull_docker":              {},
		"pull_podman":              {},
		"pull_unauthorized_podman": {Class: errs.ErrUnauthorized},
		"build_ok_docker":          {ID: "sha256:9d3415d965f1e4117fd06f586296dd0dbd32f6b1eb4b51e4990ed5215c33b08a", Step: "Step 5/5 : LABEL v=1", At: 5, Of: 5, Last: "Successfully tagged t:1"},
		"build_ok_podman":          {ID: "sha256:c9ed072b79c683a12e5226bc9285c164e52413ec971de11b2dfbdf4e68fcdfbf", Step: "[2/2] STEP 3/3: LABEL v=1", At: 3, Of: 3, Last: "Successfully tagged t:1"},
		"build_fail_docker":        {Step: "Step 2/3 : RUN echo one; echo two; exit 3", At: 2, Of: 3, Class: errs.ErrInvalid, Last: "two"},
		"build_fail_podman":        {Step: "STEP 2/3: RUN echo one; echo two; exit 3", At: 2, Of: 3, Class: errs.ErrInvalid, Last: "two"},
		"build_parse_podman":       {Step: "STEP 2/2: FOO bar", At: 2, Of: 2, Class: errs.ErrInvalid},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(filepath.Join("testdata", file+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			log := &buildLog{ctx: t.Context(), name: "t:1"}
			err = follow(f, log.report)
			got := outcome{ID: log.imageID, Step: log.step, At: log.at, Of: log.of}
			if err != nil {
				got.Class = errs.Class(err)
			}
			if want.Last != "" && len(log.lines) > 0 {
				got.Last = log.lines[len(log.lines)-1]
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied": errs.ErrNotFound,
		"unauthorized: authentication required":                                           errs.ErrUnauthorized,
		"toomanyrequests: You have reached your pull rate limit":                          errs.ErrUnavailable,
		"no matching manifest for linux/arm64/v8 in the manifest list entries":            errs.ErrNotFound,
		"The command '/bin/sh -c curl x # unauthorized' returned a non-zero code: 22":     errs.ErrInvalid,
		`building at STEP "RUN false": while running runtime: exit status 1`:              errs.ErrInvalid,
		"COPY failed: open /x: permission denied":                                         errs.ErrInternal,
		"Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup r on x: no such host": errs.ErrUnavailable,
	} {
		if got := classOf(text); got != want {
			t.Errorf("classOf(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestBuildLogKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	log := &buildLog{ctx: t.Context(), name: "app"}
	log.write("Step 1/1 : RUN make\n")
	for range 30 {
		log.write("line")
		log.write(" done\r\n\n")
	}
	log.write("no end")
	text := log.failed(errs.ErrInvalid).Error()
	if lines := strings.Split(text, "\n"); len(lines) != 2+keptLines || lines[len(lines)-1] != "  no end" || lines[2] != "  line done" {
		t.Errorf("error:\n%s", text)
	}
	if !strings.HasPrefix(text, `image "app": build: Step 1/1 : RUN make: `) {
		t.Errorf("error:\n%s", text)
	}
}

func FuzzFollow(f *testing.F) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		f.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
	}
	f.Add(`{"error":"x"}{"stream":"y"}`)
	f.Add(`{"progressDetail":{"current":-1,"total":"x"}}`)
	f.Fuzz(func(t *testing.T, s string) {
		log := &buildLog{ctx: t.Context(), name: "t"}
		pulled := newLayers(t.Context(), "t")
		err := follow(strings.NewReader(s), func(m message) {
			if m.Error != "" {
				t.Error("an error is passed on as a message")
			}
			log.report(m)
			pulled.report(m)
		})
		if err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
		if len(log.lines) > keptLines {
			t.Errorf("%d lines are kept", len(log.lines))
		}
	})
}
