//go:build linux

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/hashicorp/go-hclog"
)

// ListenConfig says where to listen.
type ListenConfig struct {
	// Hosts as of --host, at least one: unix://PATH; tcp://HOST:PORT, where an empty HOST is every address and the
	// port is 2375, with TLS 2376, when it is left out; fd:// for the sockets systemd hands over, fd://NAME for those
	// of one name (FileDescriptorName=) or number.
	Hosts []string
	// Group owns unix sockets, mode 0660, if it exists; otherwise root does. Default: cleat.
	Group string
	// TLS is spoken on TCP sockets; nil for plain TCP.
	TLS *tls.Config
	// InsecureTCP allows TCP outside loopback to clients that show no certificate. Whoever reaches such a socket is
	// root on this host.
	InsecureTCP bool
	// Log takes warnings. Default: none.
	Log hclog.Logger
}

// Listen opens all sockets, or none and says why. A unix socket whose process is gone is replaced, one that is served
// is an error. Closing a listener removes its socket.
func Listen(ctx context.Context, cfg ListenConfig) (listeners []net.Listener, err error) {
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	cfg.Group = or(cfg.Group, "cleat")
	defer func() {
		if err != nil {
			for _, l := range listeners {
				err = errors.Join(err, l.Close())
			}
			listeners = nil
		}
	}()
	if len(cfg.Hosts) == 0 {
		return nil, errors.New("listen: no host given")
	}
	var inherited []*os.File
	if slices.ContainsFunc(cfg.Hosts, func(h string) bool { return strings.HasPrefix(h, "fd://") }) {
		inherited = activation.Files(true) // once: each call would own the same descriptors
	}
	for _, host := range cfg.Hosts {
		found, err := cfg.listen(ctx, host, inherited)
		listeners = append(listeners, found...)
		if err != nil {
			return listeners, fmt.Errorf("listen on %s: %w", host, err)
		}
	}
	return listeners, nil
}

func (cfg *ListenConfig) listen(ctx context.Context, host string, inherited []*os.File) ([]net.Listener, error) {
	scheme, address, ok := strings.Cut(host, "://")
	if !ok {
		return nil, errors.New("want unix://PATH, tcp://HOST:PORT or fd://")
	}
	switch scheme {
	case "unix":
		l, err := listenUnix(ctx, address, cfg.Group, cfg.Log)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	case "tcp":
		l, err := cfg.listenTCP(ctx, address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	case "fd":
		return cfg.inherit(ctx, address, inherited)
	default:
		return nil, fmt.Errorf("unknown scheme %q: want unix, tcp or fd", scheme)
	}
}

func (cfg *ListenConfig) listenTCP(ctx context.Context, address string) (net.Listener, error) {
	port := "2375" // the registered ports of Docker
	if cfg.TLS != nil {
		port = "2376"
	}
	if host, given, err := net.SplitHostPort(address); err == nil && given != "" {
		address, port = host, given
	} else {
		address = strings.TrimSuffix(address, ":")
		address = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("port %q: want 0 to 65535", port)
	}
	if err := cfg.allowed(ctx, address); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAlive: 30 * time.Second}
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(address, port))
	if err != nil {
		return nil, err //nolint:wrapcheck // Listen names the host
	}
	return cfg.secure(l), nil
}

// allowed refuses to offer root on this host to the network.
func (cfg *ListenConfig) allowed(ctx context.Context, address string) error {
	if cfg.TLS != nil && cfg.TLS.ClientAuth == tls.RequireAndVerifyClientCert || isLoopback(ctx, address) {
		return nil
	}
	what := "plain TCP"
	if cfg.TLS != nil {
		what = "TLS that asks for no client certificate"
	}
	if !cfg.InsecureTCP {
		return fmt.Errorf("%s outside loopback makes everyone who reaches it root on this host: "+
			"use --tlsverify with --tlscacert, --tlscert and --tlskey, or --insecure-tcp if you mean it", what)
	}
	cfg.Log.Warn("everyone who reaches this socket is root on this host", "address", address, "protocol", what)
	return nil
}

// isLoopback reports whether all addresses of a host are this host's own. No host means every address.
func isLoopback(ctx context.Context, host string) bool {
	if host == "" {
		return false
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, a := range addresses {
		if !a.Unmap().IsLoopback() {
			return false
		}
	}
	return err == nil && len(addresses) > 0
}

func (cfg *ListenConfig) secure(l net.Listener) net.Listener {
	if cfg.TLS == nil {
		return l
	}
	return tls.NewListener(l, cfg.TLS)
}

// inherit takes those of systemd's sockets whose name or number (3, 4 …) is asked for, all without a name. What is
// taken is gone from files.
func (cfg *ListenConfig) inherit(ctx context.Context, wanted string, files []*os.File) ([]net.Listener, error) {
	var found []net.Listener
	for i, f := range files {
		number := strconv.Itoa(i + 3)
		if f == nil || wanted != "" && wanted != "*" && wanted != number && wanted != f.Name() {
			continue
		}
		files[i] = nil
		l, err := net.FileListener(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return found, fmt.Errorf("socket %s of systemd: %w", number, err)
		}
		found = append(found, l)
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			continue
		}
		if err := cfg.allowed(ctx, address.IP.String()); err != nil {
			return found, err
		}
		found[len(found)-1] = cfg.secure(l)
	}
	if len(found) == 0 {
		return nil, errors.New("systemd has handed over no such socket: is cleatd.socket active?")
	}
	return found, nil
}
