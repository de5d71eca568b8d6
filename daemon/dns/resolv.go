//go:build linux

package dns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// Resolv is a resolver's configuration: resolv.conf.
type Resolv struct{ Servers, Search, Options []string }

// ReadResolv reads a file; one that is missing is empty.
func ReadResolv(path string) (Resolv, error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Resolv{}, fmt.Errorf("resolver: %w", err)
	}
	return parseResolv(raw), nil
}

func parseResolv(raw []byte) (out Resolv) {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			out.Servers = append(out.Servers, words[1])
		case "search", "domain":
			out.Search = words[1:]
		case "options":
			out.Options = words[1:]
		}
	}
	return out
}

// Bytes is the content of the file.
func (r *Resolv) Bytes() []byte {
	var out []byte
	if len(r.Search) > 0 {
		out = fmt.Appendf(out, "search %s\n", strings.Join(r.Search, " "))
	}
	for _, server := range r.Servers {
		out = fmt.Appendf(out, "nameserver %s\n", server)
	}
	if len(r.Options) > 0 {
		out = fmt.Appendf(out, "options %s\n", strings.Join(r.Options, " "))
	}
	return out
}

// Embedded is the configuration of a container that has this name service: names that are not qualified are tried as
// they are before the search list, unless ndots was given.
func (r *Resolv) Embedded() Resolv {
	out := Resolv{Servers: []string{Address}, Search: r.Search, Options: r.Options}
	if !slices.ContainsFunc(r.Options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		out.Options = append(slices.Clone(r.Options), "ndots:0")
	}
	return out
}

// hostServers are the name servers of the host as they are now.
type hostServers struct {
	path string

	mu   sync.Mutex
	seen os.FileInfo // what was read
	list []netip.Addr
}

// get reads the file again when it is another one, or was written. A look at the file costs about as much as a packet,
// and nobody is woken by changes that no query depends on.
func (h *hostServers) get() []netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, err := os.Stat(h.path)
	if err != nil {
		h.seen, h.list = nil, nil
		return nil
	}
	if h.seen != nil && os.SameFile(now, h.seen) && now.ModTime().Equal(h.seen.ModTime()) && now.Size() == h.seen.Size() {
		return h.list
	}
	config, err := ReadResolv(h.path)
	if err != nil {
		return h.list
	}
	h.seen, h.list = now, nil
	for _, server := range config.Servers {
		if address, err := netip.ParseAddr(server); err == nil {
			h.list = append(h.list, address)
		}
	}
	return h.list
}
