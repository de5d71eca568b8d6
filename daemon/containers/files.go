//go:build linux

package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Files that are made for a container and mounted into it.
const (
	hostsFile    = "hosts"
	hostnameFile = "hostname"
	resolvFile   = "resolv.conf"
	shmFolder    = "shm"
)

// filesDir is where the files of a container are: its own folder, or that of the one whose network it shares.
func (s *Service) filesDir(r *record) string {
	if id := r.Host.NetworkMode.ConnectedContainer(); id != "" {
		return s.dir(id)
	}
	return s.dir(r.ID)
}

// shm is the host's side of a shareable container's /dev/shm.
func (s *Service) shm(id string) string { return filepath.Join(s.dir(id), shmFolder) }

// writeFiles writes hosts, hostname and resolv.conf for a run and returns the mounts. A container in another's network
// uses the other's.
func (s *Service) writeFiles(r *record, up *setup, links []linked) ([]specs.Mount, error) {
	dir := s.filesDir(r)
	if !r.Host.NetworkMode.IsContainer() {
		hosts, err := hostsOf(r, up, links)
		if err != nil {
			return nil, err
		}
		if err := s.writeResolv(r, up.endpoints); err != nil {
			return nil, err
		}
		for name, content := range map[string][]byte{hostsFile: hosts, hostnameFile: []byte(r.Config.Hostname + "\n")} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // the container's users read them
				return nil, fmt.Errorf("container %s: %w", short(r.ID), err)
			}
		}
	}
	access := "rw"
	if r.Host.ReadonlyRootfs {
		access = "ro"
	}
	var mounts []specs.Mount
	for _, name := range []string{hostsFile, hostnameFile, resolvFile} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil { // the other container never had a network of its own
			continue
		}
		mounts = append(mounts, specs.Mount{Destination: "/etc/" + name, Type: "bind", Source: path, Options: []string{"rbind", access, "rprivate"}})
	}
	return mounts, nil
}

// loopbackHosts is the part of /etc/hosts that all containers have.
const loopbackHosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n" +
	"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

// hostsOf is the content of /etc/hosts.
func hostsOf(r *record, up *setup, links []linked) ([]byte, error) {
	out := []byte(loopbackHosts)
	if r.Host.NetworkMode.IsHost() {
		own, err := os.ReadFile("/etc/hosts")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("hosts of %s: %w", short(r.ID), err)
		}
		out = own
	}
	for _, entry := range r.Host.ExtraHosts {
		name, address, _ := cutHost(entry)
		if address == hostGateway {
			if !up.gateway.IsValid() {
				continue
			}
			address = up.gateway.String()
		}
		out = fmt.Appendf(out, "%s\t%s\n", address, name)
	}
	for _, l := range links {
		out = fmt.Appendf(out, "%s\t%s\n", l.ip, l.names())
	}
	return append(out, strings.Join(ownLines(r, up.endpoints), "")...), nil
}

// ownLines are the lines of /etc/hosts for a container's own addresses.
func ownLines(r *record, endpoints map[string]*network.EndpointSettings) (lines []string) {
	for _, name := range inOrder(r.Host, endpoints) {
		for _, ip := range []netip.Addr{endpoints[name].IPAddress, endpoints[name].GlobalIPv6Address} {
			if ip.IsValid() {
				lines = append(lines, fmt.Sprintf("%s\t%s\n", ip, ownNames(r.Config)))
			}
		}
	}
	return lines
}

// ownNames are a container's full name and the first label of it, wherever the dots came from.
func ownNames(c *container.Config) string {
	full := c.Hostname
	if c.Domainname != "" {
		full += "." + c.Domainname
	}
	if label, _, dotted := strings.Cut(full, "."); dotted {
		return full + " " + label
	}
	return full
}

// names are those a linked container is known by: alias, host name and name.
func (l *linked) names() string {
	words := []string{l.alias}
	for _, name := range []string{l.r.Config.Hostname, l.r.Name} {
		if name != "" && !slices.Contains(words, name) {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// retell writes a container's new address into the hosts files of those that link to it and run. The files are mounted,
// so they are rewritten in place.
func (s *Service) retell(r *record) {
	e := r.Endpoints[network.NetworkBridge]
	if e == nil || !e.IPAddress.IsValid() {
		return
	}
	for _, c := range s.index.all() {
		parent := c.record()
		if !parent.State.alive() {
			continue
		}
		for _, l := range parent.Links {
			if l.ID != r.ID {
				continue
			}
			path := filepath.Join(s.dir(parent.ID), hostsFile)
			now := linked{alias: l.Alias, r: r, ip: e.IPAddress.String()}
			s.best(parent.ID, "hosts file has the old address of a link", replaceHost(path, now))
		}
	}
}

// replaceHost puts a link's line in place of the one that names its alias first.
func replaceHost(path string, l linked) error {
	return editHosts(path, func(words []string) bool { return words[1] == l.alias }, l.ip+"\t"+l.names()+"\n")
}

// rewriteHosts makes the hosts file of a run agree with networks that have changed: a line for each own address.
func (s *Service) rewriteHosts(before, now *record) {
	if !now.State.alive() {
		return
	}
	had, has := ownLines(before, before.Endpoints), ownLines(now, now.Endpoints)
	gone := func(words []string) bool {
		line := words[0] + "\t" + strings.Join(words[1:], " ") + "\n"
		return slices.Contains(had, line) && !slices.Contains(has, line)
	}
	added := slices.DeleteFunc(slices.Clone(has), func(line string) bool { return slices.Contains(had, line) })
	s.best(now.ID, "hosts file has the networks from before", editHosts(filepath.Join(s.dir(now.ID), hostsFile), gone, strings.Join(added, "")))
}

// editHosts takes lines out of a hosts file, and puts others at its end. The file is mounted, so it is written in place.
func editHosts(path string, gone func(words []string) bool, added string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(old) {
		if words := strings.Fields(string(line)); len(words) > 1 && words[0] != "#" && gone(words) {
			continue
		}
		out.Write(line)
	}
	out.WriteString(added)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil { //nolint:gosec // the container's users read it
		return fmt.Errorf("hosts: %w", err)
	}
	return nil
}

// mountShm makes the /dev/shm of a container whose IPC namespace others may join: they could not reach one that exists
// in its mount namespace only.
func (s *Service) mountShm(r *record) ([]specs.Mount, error) {
	if !r.Host.IpcMode.IsShareable() {
		return nil, nil
	}
	dir := s.shm(r.ID)
	s.unmountShm(r.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("shm of %s: %w", short(r.ID), err)
	}
	if err := unix.Mount("shm", dir, "tmpfs", unix.MS_NOEXEC|unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=1777,size=%d", r.Host.ShmSize)); err != nil {
		return nil, fmt.Errorf("shm of %s: %w", short(r.ID), err)
	}
	return []specs.Mount{{Destination: "/dev/shm", Type: "bind", Source: dir, Options: []string{"rbind", "nosuid", "noexec", "nodev"}}}, nil
}

// unmountShm undoes mountShm; without one it does nothing.
func (s *Service) unmountShm(id string) {
	err := unix.Unmount(s.shm(id), unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		s.best(id, "shm is left mounted", err)
	}
}

// rootfs mounts the root file system of a container, or takes part in the mount that is there.
func (s *Service) rootfs(ctx context.Context, c *ctr) (dir string, done func(), err error) {
	if dir, err = s.hold(ctx, c); err != nil {
		return "", nil, err
	}
	return dir, func() { s.letGo(context.WithoutCancel(ctx), c) }, nil
}

// hold mounts for one more user. A run is a user as well.
func (s *Service) hold(ctx context.Context, c *ctr) (string, error) {
	c.mounting.Lock()
	defer c.mounting.Unlock()
	dir, err := s.layers.Mount(ctx, c.id)
	if err != nil {
		return "", fmt.Errorf("container %s: %w", short(c.id), err)
	}
	c.holders++
	return dir, nil
}

// letGo unmounts after the last user.
func (s *Service) letGo(ctx context.Context, c *ctr) {
	c.mounting.Lock()
	defer c.mounting.Unlock()
	if c.holders--; c.holders > 0 {
		return
	}
	c.holders = 0
	s.best(c.id, "root file system is left mounted", ignoreNotFound(s.layers.Unmount(ctx, c.id)))
}
