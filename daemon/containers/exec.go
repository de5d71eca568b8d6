//go:build linux

package containers

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/spec"
)

// ExecProcess makes the process of an exec in a container: its user, environment and rights are the container's, where e
// says nothing else. Errors that are the caller's are errs.ErrInvalid.
func (s *Service) ExecProcess(ctx context.Context, id string, e spec.Exec) (*specs.Process, error) {
	c, err := s.index.find(id)
	if err != nil {
		return nil, err
	}
	rootfs, letGo, err := s.rootfs(ctx, c)
	if err != nil {
		return nil, err
	}
	defer letGo()
	r := c.record()
	options := s.specOptions(r)
	options.Rootfs = rootfs
	if links, err := s.linksOf(r); err == nil { // one that has stopped since has no address to tell
		options.Env = linkEnv(r, links)
	}
	own, err := s.kernel.Build(options)
	if err != nil {
		return nil, fmt.Errorf("exec in container %s: %w", short(c.id), err)
	}
	return s.kernel.ExecProcess(own, rootfs, e)
}

// specOptions are the parts of a specification that depend on the record alone.
func (s *Service) specOptions(r *record) spec.Options {
	return spec.Options{CgroupsPath: s.runtime.CgroupsPath(r.ID), Config: r.Config, Host: r.Host, Args: append([]string{r.Path}, r.Args...),
		Hostname: s.hostname(r), Annotations: r.Host.Annotations}
}

// linkEnv are the variables links give to a container.
func linkEnv(r *record, links []linked) []string {
	var env []string
	for _, l := range links {
		env = append(env, l.env(r.Name)...)
	}
	return env
}
