package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/docker/cli/cli/config/configfile"
	dcontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	moby "github.com/moby/moby/client"
)

const (
	envContext    = "DOCKER_CONTEXT"
	envConfigDir  = "DOCKER_CONFIG"
	defaultName   = "default"
	contextSubdir = "contexts"
	originDefault = "default socket"
	// maxSocketPath is this system's sun_path, without its final NUL.
	maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1
)

// endpoint is an engine's address.
type endpoint struct {
	// host as it was given, origin where: host, DOCKER_HOST …, for messages.
	host, origin string
	// network and address to dial; network is "ssh" for ssh.
	network, address string
	// base is put before every path; most often empty.
	base string
	tls  tlsSource
	ssh  []string
}

// resolve finds the engine of a configuration. It reads files and the environment and connects to nothing.
func resolve(cfg Config) (*endpoint, error) {
	host, origin, contextTLS, err := chooseHost(cfg)
	if err != nil {
		return nil, err
	}
	ep, err := parseHost(host, origin)
	if err != nil {
		return nil, err
	}
	ep.ssh = cfg.SSHOpts
	if ep.network != "tcp" {
		return ep, nil
	}
	https := ep.tls.on
	if ep.tls, err = chooseTLS(cfg, contextTLS); err != nil {
		return nil, err
	}
	ep.tls.on = ep.tls.on || https
	if strings.HasPrefix(host, "http://") && ep.tls.on {
		return nil, invalid(origin, "http:// and TLS material contradict each other; write tcp:// or https://")
	}
	if _, _, err := net.SplitHostPort(ep.address); err != nil {
		port := "2375"
		if ep.tls.on {
			port = "2376"
		}
		ep.address = net.JoinHostPort(strings.Trim(ep.address, "[]"), port)
	}
	return ep, nil
}

// chooseHost applies the order of [Config]. The TLS source is that of a docker context, or nil.
func chooseHost(cfg Config) (host, origin string, contextTLS *tlsSource, err error) {
	if cfg.Host != "" {
		return cfg.Host, "host", nil, nil
	}
	name, from := cfg.Context, "context"
	if name == "" || name == defaultName {
		if host := os.Getenv(moby.EnvOverrideHost); host != "" {
			return host, moby.EnvOverrideHost, nil, nil
		}
	}
	if name == "" {
		name, from = os.Getenv(envContext), envContext
	}
	if name == "" {
		file, err := loadConfigFile(defaultConfigFile(), true)
		if err != nil {
			return "", "", nil, err
		}
		name, from = file.CurrentContext, file.Filename
	}
	if name == "" || name == defaultName {
		return moby.DefaultDockerHost, originDefault, nil, nil
	}
	host, contextTLS, err = contextHost(name, from)
	return host, fmt.Sprintf("context %q", name), contextTLS, err
}

// contextHost reads a docker context.
func contextHost(name, from string) (string, *tlsSource, error) {
	dir := filepath.Join(configDir(), contextSubdir)
	contexts := store.New(dir, store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} }),
	))
	meta, err := contexts.GetMetadata(name)
	if err != nil {
		known, listErr := store.Names(contexts)
		if listErr != nil || len(known) == 0 {
			return "", nil, invalid(from, "docker context %q does not exist: there are none in %s", name, dir)
		}
		return "", nil, invalid(from, "docker context %q does not exist in %s; known are %s", name, dir, strings.Join(known, ", "))
	}
	ep, err := docker.EndpointFromContext(meta)
	if err != nil {
		return "", nil, invalid(from, "docker context %q: %w", name, err)
	}
	if ep.Host == "" {
		ep.Host = moby.DefaultDockerHost
	}
	data, err := dcontext.LoadTLSData(contexts, name, docker.DockerEndpoint)
	if err != nil {
		return "", nil, invalid(from, "TLS material of docker context %q: %w", name, err)
	}
	source := &tlsSource{attribute: from, skipVerify: ep.SkipTLSVerify, on: ep.SkipTLSVerify || data != nil}
	if data != nil {
		source.ca, source.cert, source.key = data.CA, data.Cert, data.Key
	}
	return ep.Host, source, nil
}

// parseHost reads an address. https:// leaves tls.on set.
func parseHost(host, origin string) (*endpoint, error) {
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok || rest == "" {
		return nil, invalid(attributeOf(origin), "%q is not an engine's address; want unix:///PATH, npipe:////./pipe/NAME, tcp://HOST:PORT or ssh://USER@HOST", host)
	}
	ep := &endpoint{host: host, origin: origin, network: scheme, address: rest}
	switch scheme {
	case "unix":
		if !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "@") && !filepath.IsAbs(rest) {
			return nil, invalid(attributeOf(origin), "%q: the socket's path is not absolute; want unix:///PATH", host)
		}
		if len(rest) > maxSocketPath {
			return nil, invalid(attributeOf(origin), "%q: the socket's path has %d bytes; systems allow %d", host, len(rest), maxSocketPath)
		}
		return ep, nil
	case "npipe":
		if !pipesSupported {
			return nil, invalid(attributeOf(origin), "%q: named pipes exist on Windows only; want unix://, tcp:// or ssh://", host)
		}
		return ep, nil
	case "ssh":
		return ep, nil
	case "tcp", "http", "https":
	default:
		return nil, invalid(attributeOf(origin), "%q: unknown scheme %q; want unix, npipe, tcp, http, https or ssh", host, scheme)
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, invalid(attributeOf(origin), "%q is not an address: %w", host, errors.Unwrap(err))
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		return nil, invalid(attributeOf(origin), "%q: want %s://HOST:PORT", u.Redacted(), scheme)
	}
	ep.network, ep.address, ep.base = "tcp", u.Host, strings.TrimSuffix(u.Path, "/")
	if port := u.Port(); port == "" && scheme == "https" {
		ep.address = net.JoinHostPort(u.Hostname(), "443")
	} else if port == "" && scheme == "http" {
		ep.address = net.JoinHostPort(u.Hostname(), "80")
	}
	ep.tls.on = scheme == "https"
	return ep, nil
}

// attributeOf is the attribute an origin stands for in errors.
func attributeOf(origin string) string {
	if strings.HasPrefix(origin, "context ") {
		return "context"
	}
	return origin
}

// String names the engine in messages.
func (ep *endpoint) String() string {
	if ep.origin == "host" {
		return ep.host
	}
	return ep.host + " (" + ep.origin + ")"
}

// configDir is docker's directory for a user's configuration.
func configDir() string {
	if dir := os.Getenv(envConfigDir); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

func defaultConfigFile() string { return filepath.Join(configDir(), "config.json") }

// loadConfigFile reads a docker config.json; optional says that it may be missing.
func loadConfigFile(path string, optional bool) (*configfile.ConfigFile, error) {
	file := configfile.New(path)
	f, err := os.Open(path)
	if err != nil {
		if optional && errors.Is(err, os.ErrNotExist) {
			return file, nil
		}
		return nil, invalid("config_file", "%w", err)
	}
	defer f.Close()
	if err := file.LoadFromReader(f); err != nil {
		return nil, invalid("config_file", "%s is not docker's configuration: %w", path, err)
	}
	return file, nil
}
