//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

const (
	layers    = 4
	layerSize = 54 << 20
	// logSize is how much a container writes to its log, in lines of 100 bytes; logPart how much of it is in a file.
	logSize = 16 * logPart
	logPart = 16 << 20
)

// publish makes an image of layers that do not compress and puts it into the registry.
func publish(ctx context.Context, r *acctest.Registry) (ref string, err error) {
	e, err := acctest.Start(ctx, peer)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	c, err := client.New(client.WithHost(e.Host))
	if err != nil {
		return "", err
	}
	defer c.Close()
	ref = r.Ref("bench:1")
	dockerfile := "FROM " + acctest.Busybox + "\n"
	files := map[string][]byte{}
	for i := range layers {
		name := fmt.Sprintf("file%d", i)
		files[name] = noise(layerSize, uint64(i)) //nolint:gosec // a small count
		dockerfile += "COPY " + name + " /\n"
	}
	files["Dockerfile"] = []byte(dockerfile)
	built, err := c.ImageBuild(ctx, archive(files), client.ImageBuildOptions{Tags: []string{ref}, Remove: true})
	if err != nil {
		return "", err
	}
	if err := drain(built.Body); err != nil {
		return "", err
	}
	pushed, err := c.ImagePush(ctx, ref, client.ImagePushOptions{RegistryAuth: "e30="})
	if err != nil {
		return "", err
	}
	return ref, drain(pushed)
}

// noise is n bytes that do not compress, the same for the same seed.
func noise(n int, seed uint64) []byte {
	var key [32]byte
	key[0] = byte(seed)
	out := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(out) // never fails
	return out
}

func archive(files map[string][]byte) io.Reader {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range files {
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}) // memory takes everything
		_, _ = w.Write(content)
	}
	_ = w.Close()
	return &out
}

// drain reads a stream of messages to its end and returns the error among them.
func drain(r io.ReadCloser) error {
	defer r.Close()
	for d := json.NewDecoder(r); ; {
		var message struct {
			Error string `json:"error"`
		}
		switch err := d.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

// pull is the speed of a pull from loopback, unpacked and ready, in MB of content a second: the best of three.
func pull(ctx context.Context, s *subject) (float64, error) {
	best := 0.
	for range 3 {
		began := time.Now()
		r, err := s.client.ImagePull(ctx, s.pulled, client.ImagePullOptions{})
		if err != nil {
			return 0, err
		}
		if err := drain(r); err != nil {
			return 0, err
		}
		best = max(best, layers*layerSize/1e6/time.Since(began).Seconds())
		if _, err := s.client.ImageRemove(ctx, s.pulled, client.ImageRemoveOptions{Force: true}); err != nil {
			return 0, err
		}
	}
	return best, nil
}

// logged runs a container that writes logSize to its log, and returns it with the time that took. It writes as fast as a
// program can, pages of a file: what is measured is the engine.
func (s *subject) logged(ctx context.Context) (id string, took time.Duration, err error) {
	line := append(bytes.Repeat([]byte("x"), 99), '\n')
	file := filepath.Join(s.Dir(), "lines")
	if err := os.WriteFile(file, bytes.Repeat(line, logPart/len(line)+1)[:logPart], 0o644); err != nil { //nolint:gosec // a container reads it
		return "", 0, err
	}
	made, err := s.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: acctest.Busybox, Cmd: append([]string{"cat"}, slices.Repeat([]string{"/lines"}, logSize/logPart)...), StopSignal: "SIGKILL",
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", Binds: []string{file + ":/lines:ro"}},
	})
	if err != nil {
		return "", 0, err
	}
	began := time.Now()
	if _, err := s.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return made.ID, 0, err
	}
	err = s.wait(ctx, made.ID)
	return made.ID, time.Since(began), err
}

func logWrite(ctx context.Context, s *subject) (float64, error) {
	id, took, err := s.logged(ctx)
	defer s.remove(ctx, []string{id})
	return logSize / 1e6 / took.Seconds(), err
}

func logRead(ctx context.Context, s *subject) (float64, error) {
	id, _, err := s.logged(ctx)
	defer s.remove(ctx, []string{id})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	r, err := s.client.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err == nil && n < logSize {
		err = fmt.Errorf("%d bytes of log, want %d or more", n, logSize)
	}
	return logSize / 1e6 / time.Since(began).Seconds(), err
}

// build is five steps that do nothing, without cache.
func build(ctx context.Context, s *subject) (float64, error) {
	files := map[string][]byte{"Dockerfile": []byte("FROM " + acctest.Busybox + "\nRUN true\nRUN true\nRUN true\nRUN true\nRUN true\n")}
	best := 0.
	for range 5 {
		began := time.Now()
		r, err := s.client.ImageBuild(ctx, archive(files), client.ImageBuildOptions{Tags: []string{"bench:five"}, NoCache: true, Remove: true})
		if err != nil {
			return 0, err
		}
		if err := drain(r.Body); err != nil {
			return 0, err
		}
		if ms := float64(time.Since(began)) / float64(time.Millisecond); best == 0 || ms < best {
			best = ms
		}
	}
	return best, nil
}
