//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
)

// emptyLayer is the DiffID of a layer without any change.
const emptyLayer = digest.Digest("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")

// probe looks a step up. On a hit the stage stands on the image found.
func (b *build) probe(ctx context.Context, command []string) (key string, hit bool, err error) {
	s := b.current
	if key, err = cacheKey(s.id, platforms.Format(s.platform), command, &s.Config); err != nil || b.o.NoCache || s.busted {
		return key, false, err
	}
	found, ok := b.lookup(ctx, key)
	if !ok {
		found, ok, err = b.fromSources(ctx, key, command)
	}
	if err != nil || !ok {
		s.busted = true
		return key, false, err
	}
	b.out.text(" ---> Using cache\n")
	b.use(found.ID) // of a source
	s.id, s.chain = found.ID, found.ChainID
	return key, true, nil
}

// lookup asks the index. It may be wrong: the image must be there, with the parent, and with cachefrom it must be one that
// a source is built on.
func (b *build) lookup(ctx context.Context, key string) (Image, bool) {
	id := b.s.cache.get(key)
	if id == "" || !b.trusted(id) {
		return Image{}, false
	}
	b.use(id) // first: it may be on its way out
	found, err := b.s.Images.Held(ctx, id)
	if err != nil || found.ID != id || found.Parent != b.current.id {
		b.s.cache.put(key, "")
		return Image{}, false
	}
	return found, true
}

// make makes the image of a step and goes on from it. n has what is particular to the step.
func (b *build) make(ctx context.Context, key string, n NewImage) error {
	s := b.current
	if n.DiffID == emptyLayer {
		n.Layer, n.DiffID = nil, ""
	}
	n.Parent, n.Author = s.id, s.author
	n.Config.Config, n.Config.Platform, n.Config.Author = s.Config, s.platform, s.author
	id, err := b.s.Images.Create(ctx, n)
	if err != nil {
		return err //nolint:wrapcheck // the images service says what it is about
	}
	b.use(id)
	b.made = append(b.made, madeImage{id, key})
	b.s.cache.put(key, id)
	s.id = id
	if n.Layer != nil {
		chain := []digest.Digest{n.DiffID}
		if s.chain != "" {
			chain = []digest.Digest{s.chain, n.DiffID}
		}
		s.chain = identity.ChainID(chain)
	}
	return nil
}

// write makes the image of a step that changes files without a container: fn does it in a read-write layer.
func (b *build) write(ctx context.Context, key string, command []string, containerID string, fn func(*tree) error) (err error) {
	id := randomID()
	if err := b.s.Layers.Create(ctx, id, b.current.chain); err != nil {
		return err //nolint:wrapcheck // it names the layer
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		err = errors.Join(err, b.s.Layers.Remove(ctx, id))
	}()
	dir, err := b.s.Layers.Mount(ctx, id)
	if err != nil {
		return err //nolint:wrapcheck // it names the layer
	}
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	err = fn(t)
	t.close() // before the layer is unmounted
	if err != nil {
		return err
	}
	return b.layer(ctx, key, id, NewImage{CreatedBy: strings.Join(command, " "), Container: containerID})
}

// layer makes the image of a step that wrote into the layer id.
func (b *build) layer(ctx context.Context, key, id string, n NewImage) error {
	ctx, done, err := b.s.Layers.Lease(ctx) // an equal layer of another image may go before ours is there
	if err != nil {
		return err //nolint:wrapcheck // it says what it is about
	}
	defer done()
	layer, diff, err := b.s.Layers.Commit(ctx, id)
	if err != nil {
		return err //nolint:wrapcheck // it names the layer
	}
	n.Layer, n.DiffID = &layer, diff
	return b.make(ctx, key, n)
}

// runCommand is RUN.
func (b *build) runCommand(ctx context.Context, c *instructions.RunCommand) error {
	s := b.current
	if len(c.FlagsUsed) > 0 {
		slices.Sort(c.FlagsUsed)
		return fmt.Errorf("the --%s option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to "+
			"build images with BuildKit enabled", c.FlagsUsed[0])
	}
	cmd, script, err := s.runWords(c)
	if err != nil {
		return err
	}
	args := s.args.beside(s.Config.Env)
	saved := s.args.command(args, cmd)
	compared := saved
	if script != "" {
		compared = append(slices.Clone(saved), script)
	}
	key, hit, err := b.probe(ctx, compared)
	if err != nil || hit {
		return err
	}
	config, host := s.container(), hostConfig(&b.o)
	config.Cmd, config.Env, config.Healthcheck = cmd, append(config.Env, args...), noHealthcheck()
	if len(cmd) > 0 {
		config.Entrypoint = []string{""}
	}
	if script != "" {
		dir, err := b.fresh()
		if err != nil {
			return err
		}
		file := filepath.Join(dir, "script")
		if err := writeNew(file, strings.NewReader(script), 0o755); err != nil {
			return err
		}
		host.Binds = []string{file + ":" + cmd[0] + ":ro"}
	}
	id, err := b.create(ctx, config, host)
	if err != nil {
		return err
	}
	out, errOut := b.out.stdout(), b.out.stderr()
	code, err := b.s.Containers.Run(ctx, id, out, errOut)
	out.flush()
	errOut.flush()
	if err != nil {
		return err //nolint:wrapcheck // clients know the text
	}
	if code != 0 {
		return &CommandError{Command: strings.Join(cmd, " "), Code: code}
	}
	return b.layer(ctx, key, id, NewImage{CreatedBy: strings.Join(saved, " "), Container: id})
}

// scriptFolder is where a here-document that names its interpreter is seen by the container.
const scriptFolder = "/dev/pipes"

// runWords is the command of RUN. A here-document alone is given to the shell, or is a program of its own when it begins
// with #!; otherwise the shell gets command and documents and reads them itself.
func (s *stage) runWords(c *instructions.RunCommand) (words []string, script string, err error) {
	if len(c.Files) == 0 {
		return s.Words(c.ShellDependantCmdLine), "", nil
	}
	if len(c.CmdLine) != 1 || !c.PrependShell {
		return nil, "", fmt.Errorf("parsing produced an invalid run command: %v", c.CmdLine)
	}
	line := c.CmdLine[0]
	if parser.MustParseHeredoc(line) == nil {
		for _, f := range c.Files {
			line += "\n" + f.Data + f.Name
		}
		return append(s.Shell(), line), "", nil
	}
	first := c.Files[0]
	data := first.Data
	if first.Chomp {
		data = parser.ChompHeredocContent(data)
	}
	if strings.HasPrefix(data, "#!") {
		return []string{scriptFolder + "/script"}, data, nil
	}
	return append(s.Shell(), data), "", nil
}
