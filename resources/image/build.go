package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/resources/contract"
)

// foldedTo is how many entries build_context has at most.
const foldedTo = 512

// source is the directory of a build, read.
type source struct {
	context  *buildcontext.Context
	manifest buildcontext.Manifest
}

// read reads a build's directory; nil for a context the engine fetches itself.
func (t Type) read(ctx context.Context, b Build) (*source, error) {
	if b.remote() != "" {
		return nil, nil
	}
	c, err := buildcontext.Open(b.Context.ValueString(), b.Dockerfile.ValueString())
	var input *buildcontext.InputError
	if errors.As(err, &input) {
		return nil, contract.At("build."+input.Field, "%w", err)
	}
	if err != nil {
		return nil, err
	}
	if log := b.BuildLogFile.ValueString(); log != "" {
		if err := c.LeaveOut(log); err != nil {
			return nil, contract.At("build.build_log_file", "%w", err)
		}
	}
	m, err := c.Manifest(ctx, t.hasher)
	if err != nil {
		return nil, contract.At("build.context", "%w", err)
	}
	return &source{context: c, manifest: m}, nil
}

// hashes is build_context: null when there is no directory.
func (s *source) hashes() types.Map {
	if s == nil {
		return types.MapNull(types.StringType)
	}
	folded := s.manifest.Fold(foldedTo)
	elements := make(map[string]attr.Value, len(folded))
	for name, hash := range folded {
		elements[name] = types.StringValue(hash)
	}
	return types.MapValueMust(types.StringType, elements)
}

// build builds an image from what was planned and returns the hashes of its context and its id, which is "" when
// the engine does not say it (below API 1.30).
func (t Type) build(ctx context.Context, e API, m Model, b Build) (hashes types.Map, id string, err error) {
	s, err := t.read(ctx, b)
	if err != nil {
		return hashes, "", err
	}
	hashes = s.hashes()
	if planned := m.BuildContext; s != nil && !planned.IsNull() && !planned.IsUnknown() && !planned.Equal(hashes) {
		return hashes, "", contract.At("build.context", "image %q: the build context is not what was planned (%s), plan again; what is written there at every run belongs into .dockerignore: %w",
			m.Name.ValueString(), explain(planned, hashes), errs.ErrConflict)
	}
	options, err := buildOptions(ctx, e, m, b)
	if err != nil {
		return hashes, "", err
	}
	if s != nil {
		options.Dockerfile = s.context.Dockerfile()
	}
	log := &buildLog{ctx: ctx, name: m.Name.ValueString()}
	if file := b.BuildLogFile.ValueString(); file != "" {
		f, err := os.Create(file)
		if err != nil {
			return hashes, "", contract.At("build.build_log_file", "%w", err)
		}
		defer f.Close()
		log.file = f
	}
	if err := send(ctx, e, s, options, log); err != nil {
		return hashes, "", err
	}
	if log.fileErr != nil {
		return hashes, log.imageID, contract.At("build.build_log_file", "%w", log.fileErr)
	}
	return hashes, log.imageID, nil
}

// send makes the build call, streaming the context while the engine reads it, and follows its answer to the end.
func send(ctx context.Context, e API, s *source, options moby.ImageBuildOptions, log *buildLog) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var body io.Reader
	sent := make(chan error, 1)
	if s == nil {
		sent <- nil
	} else {
		r, w := io.Pipe()
		defer func() { r.Close() }()
		body = r
		go func() {
			err := s.context.Tar(ctx, s.manifest, w)
			w.CloseWithError(err)
			if errors.Is(err, io.ErrClosedPipe) {
				err = nil // nobody reads on: the engine has answered
			}
			sent <- err
		}()
	}
	answer, err := e.ImageBuild(ctx, body, options)
	if err == nil {
		err = errors.Join(follow(answer.Body, log.report), answer.Body.Close())
	}
	if closer, ok := body.(io.Closer); ok {
		closer.Close()
	}
	if tarErr := <-sent; tarErr != nil && !errors.Is(tarErr, context.Canceled) {
		return log.failed(tarErr) // the cause; what the engine made of half a context is not
	}
	if err == nil {
		return nil
	}
	err = classified(err)
	if errors.Is(err, context.DeadlineExceeded) {
		return log.failed(fmt.Errorf("took longer than its timeout: %w", err))
	}
	if errors.Is(err, errs.ErrUnauthorized) {
		err = fmt.Errorf("%w (add a registry_auth block for the base image's registry to the provider, or an auth_config to the build)", err)
	}
	return log.failed(err)
}
