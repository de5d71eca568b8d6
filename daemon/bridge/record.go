//go:build linux

package bridge

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/dns"
)

// recordSuffix tells records from the pinned namespaces beside them.
const recordSuffix = ".json"

// endpoint is a connection of a container to a network, as it is recorded.
type endpoint struct {
	ID        string       `json:"id"`
	Container string       `json:"-"`
	Network   string       `json:"network"` // id
	Interface string       `json:"interface"`
	Link      string       `json:"link"` // the end on the bridge
	IP        netip.Prefix `json:"ip"`
	IP6       netip.Prefix `json:"ip6,omitzero"`
	MAC       string       `json:"mac"`
	Priority  int          `json:"priority,omitempty"`
	Ports     []Port       `json:"ports,omitempty"` // as bound
	DNS       dns.Identity `json:"dns,omitzero"`
	Sequence  uint64       `json:"sequence"` // grows with age: the order of addresses given out

	holds   []hold // what keeps the ports ours while this process lives
	leaving bool   // its ports are no longer to be published; guarded by Driver.mu
}

// save writes the record of a sandbox, or removes it when nothing is left to tell. It is whole or not there, and not
// synced: it need not survive what the kernel's side of it does not.
func (d *Driver) save(s *sandbox) error {
	path := d.recordPath(s.id)
	if len(s.endpoints) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return kernel(err, "record of container %q", s.id)
		}
		return nil
	}
	raw, err := json.Marshal(s.endpoints)
	if err != nil {
		return fmt.Errorf("record of container %q: %w", s.id, err)
	}
	if err := os.WriteFile(path+"~", raw, 0o600); err != nil {
		return kernel(err, "record of container %q", s.id)
	}
	return kernel(os.Rename(path+"~", path), "record of container %q", s.id)
}

// load reads what an earlier daemon left. Records without a namespace are from before a reboot: they are removed.
func (d *Driver) load() error {
	entries, err := os.ReadDir(d.config.NetnsRoot)
	if err != nil {
		return kernel(err, "network namespaces")
	}
	for _, entry := range entries {
		id, isRecord := strings.CutSuffix(entry.Name(), recordSuffix)
		path := filepath.Join(d.config.NetnsRoot, entry.Name())
		switch {
		case strings.HasSuffix(entry.Name(), "~"):
			_ = os.Remove(path)
			continue
		case !isNamespace(d.netnsPath(id)):
			if err := os.Remove(path); err != nil && !errors.Is(err, unix.EBUSY) {
				return kernel(err, "network namespaces")
			}
			continue
		}
		s := d.sandboxes[id]
		if s == nil {
			s = &sandbox{id: id, pinned: true}
			d.sandboxes[id] = s
		}
		if !isRecord {
			continue
		}
		if s.endpoints, err = readRecord(path, id); err != nil {
			// The container runs on; what we cannot read we cannot manage.
			d.log.Error("record of the network of a container", "container", id, "error", err)
		}
		for _, e := range s.endpoints {
			d.sequence = max(d.sequence, e.Sequence)
		}
	}
	return nil
}

func readRecord(path, id string) ([]*endpoint, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var endpoints []*endpoint
	if err := json.Unmarshal(raw, &endpoints); err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		if e == nil || !e.IP.Addr().Is4() {
			return nil, fmt.Errorf("no address in it")
		}
		e.Container = id
	}
	return endpoints, nil
}

// endpointsOf returns the endpoints of a network, oldest first; d.mu is held.
func (d *Driver) endpointsOf(network string) []*endpoint {
	var found []*endpoint
	for _, s := range d.sandboxes {
		for _, e := range s.endpoints {
			if e.Network == network {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *endpoint) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return found
}
