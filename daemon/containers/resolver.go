//go:build linux

package containers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/daemon/dns"
)

// hostResolv are the host's resolver files: the second is where systemd-resolved lists the servers behind its stub.
const hostResolv, stubbedResolv = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"

// resolvHash tells a resolv.conf that is as we wrote it from one that was changed in the container.
const resolvHash = "resolv.conf.hash"

// dnsNames are what a container is known by on a network of its own name service.
func dnsNames(r *record, name string, e *network.EndpointSettings) []string {
	if !container.NetworkMode(name).IsUserDefined() {
		return nil
	}
	names := []string{r.Name}
	for _, other := range slices.Concat(e.Aliases, []string{short(r.ID), r.Config.Hostname}) {
		if other != "" && !slices.Contains(names, other) {
			names = append(names, other)
		}
	}
	return names
}

// identity is what a container is to the name service of a network.
func identity(r *record, name string, e *network.EndpointSettings) dns.Identity {
	out := dns.Identity{Names: dnsNames(r, name, e), Servers: slices.DeleteFunc(slices.Clone(r.Host.DNS), func(a netip.Addr) bool { return !a.IsValid() })}
	if len(e.Links) > 0 {
		out.Links = make(map[string]string, len(e.Links))
		for _, entry := range e.Links {
			target, alias, found := strings.Cut(entry, ":")
			if !found {
				alias = target
			}
			out.Links[alias] = strings.TrimPrefix(target, "/")
		}
	}
	for _, option := range r.Host.DNSOptions {
		if value, ok := strings.CutPrefix(option, "ndots:"); ok {
			n, err := strconv.Atoi(value)
			out.KeepShort = err == nil && n > 0
		}
	}
	return out
}

// embedded reports whether one of the networks has a name service of its own.
func embedded(endpoints map[string]*network.EndpointSettings) bool {
	for name := range endpoints {
		if container.NetworkMode(name).IsUserDefined() {
			return true
		}
	}
	return false
}

// rename tells the name services what a container is called now.
func (s *Service) rename(ctx context.Context, c *ctr) {
	r := c.record()
	if !r.State.alive() {
		return
	}
	for name, e := range r.Endpoints {
		if names := dnsNames(r, name, e); names != nil && e.IPAddress.IsValid() {
			s.best(c.id, "other containers do not know the new name", s.network.Rename(ctx, c.id, name, names))
		}
	}
}

// writeResolv writes the resolv.conf of a run.
func (s *Service) writeResolv(r *record, endpoints map[string]*network.EndpointSettings) error {
	content, err := resolvOf(r.Host, embedded(endpoints))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	for name, content := range map[string][]byte{resolvFile: content, resolvHash: []byte(hex.EncodeToString(sum[:]) + "\n")} {
		if err := os.WriteFile(filepath.Join(s.dir(r.ID), name), content, 0o644); err != nil { //nolint:gosec // the container's users read it
			return fmt.Errorf("container %s: %w", short(r.ID), err)
		}
	}
	return nil
}

// rewriteFiles makes the files of a run agree with networks that have changed.
func (s *Service) rewriteFiles(before, now *record) {
	s.rewriteHosts(before, now)
	s.rewriteResolv(before, now)
}

// rewriteResolv writes the resolv.conf of a run whose networks have changed, unless somebody changed the file since:
// what is written in the container is the container's.
func (s *Service) rewriteResolv(before, r *record) {
	if !r.State.alive() || embedded(r.Endpoints) == embedded(before.Endpoints) {
		return
	}
	now, err := os.ReadFile(filepath.Join(s.dir(r.ID), resolvFile))
	if err == nil {
		var ours []byte
		ours, err = os.ReadFile(filepath.Join(s.dir(r.ID), resolvHash))
		sum := sha256.Sum256(now)
		if err == nil && string(bytes.TrimSpace(ours)) != hex.EncodeToString(sum[:]) {
			return
		}
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) { // a run from before there were hashes
		err = s.writeResolv(r, r.Endpoints)
	}
	s.best(r.ID, "resolv.conf has the servers from before", err)
}

// resolvOf is the content of resolv.conf: the host's, with what HostConfig says in its place, and with the name service
// of the container's networks where they have one.
func resolvOf(h *container.HostConfig, embedded bool) ([]byte, error) {
	host, err := dns.ReadResolv(hostResolv)
	if err != nil {
		return nil, err
	}
	if search := slices.DeleteFunc(slices.Clone(h.DNSSearch), isEmpty); len(search) > 0 {
		host.Search = search
		if len(search) == 1 && search[0] == "." {
			host.Search = nil
		}
	}
	if options := slices.DeleteFunc(slices.Clone(h.DNSOptions), isEmpty); len(options) > 0 {
		host.Options = options
	}
	if embedded {
		host = host.Embedded()
		return host.Bytes(), nil
	}
	if !h.NetworkMode.IsHost() {
		usable := notLoopback(host.Servers)
		if len(usable) == 0 && len(host.Servers) > 0 {
			if behind, err := dns.ReadResolv(stubbedResolv); err == nil {
				usable = notLoopback(behind.Servers)
			}
		}
		host.Servers = usable
	}
	if len(h.DNS) > 0 {
		host.Servers = nil
		for _, a := range h.DNS {
			if a.IsValid() {
				host.Servers = append(host.Servers, a.String())
			}
		}
	}
	if len(host.Servers) == 0 && !h.NetworkMode.IsHost() && !h.NetworkMode.IsNone() {
		host.Servers = []string{"8.8.8.8", "8.8.4.4"} // what engines fall back to: a loopback resolver is the host's alone
	}
	return host.Bytes(), nil
}

func isEmpty(s string) bool { return s == "" }

// notLoopback leaves out servers that a container's own network namespace does not have.
func notLoopback(servers []string) []string {
	return slices.DeleteFunc(slices.Clone(servers), func(server string) bool {
		address, err := netip.ParseAddr(server)
		return err != nil || address.IsLoopback()
	})
}
