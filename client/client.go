package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/version"
)

// Client is a connection to one engine. It is safe for concurrent use.
type Client struct {
	*moby.Client

	// streams serves the calls that take a connection over (attach, exec), which bypass http.RoundTrippers.
	streams *moby.Client
	wire    *wire
	engine  *engine
	spoken  version.Version
	auth    *credentials
}

// New finds the engine of cfg, probes it and returns a client for it. A configuration nobody can use, an engine that
// is too old included, is a [*ConfigError]; an engine that does not answer an [*Unreachable].
func New(ctx context.Context, cfg Config) (*Client, error) {
	ep, err := resolve(cfg)
	if err != nil {
		return nil, err
	}
	auth, err := newCredentials(cfg.RegistryAuth)
	if err != nil {
		return nil, err
	}
	config, err := ep.tls.config(ep.hostname())
	if err != nil {
		return nil, err
	}
	dial, release, err := ep.dialer()
	if err != nil {
		return nil, err
	}
	if cfg.Wake != nil {
		if err := cfg.Wake(ctx); err != nil {
			return nil, err
		}
	}
	w := &wire{ep: ep, pool: ep.pool(dial, config), release: release, trace: cfg.Trace}
	c := &Client{wire: w, auth: auth}
	if err := c.open(ctx, cfg, dial, config); err != nil {
		w.close()
		return nil, err
	}
	return c, nil
}

func (c *Client) open(ctx context.Context, cfg Config, dial dialFunc, config *tls.Config) error {
	ep := c.wire.ep
	var err error
	if c.engine, err = probe(ctx, c.wire); err != nil {
		return err
	}
	if c.spoken, err = choose(ep, c.engine, cfg.APIVersion); err != nil {
		return err
	}
	var transport http.RoundTripper = c.wire
	if c.engine.isPodman() {
		transport = &podmanForms{next: transport, base: ep.base}
	}
	if c.spoken.Before(newest) {
		transport = &convert{next: transport, base: ep.base, spoken: c.spoken}
	}
	if c.engine.podmanBefore(5) {
		transport = newSerial(transport, ep.base)
	}
	transport = &coalesce{next: transport, base: ep.base}
	options := []moby.Opt{moby.WithHost(ep.mobyHost()), moby.WithAPIVersion(c.pin().String())}
	if cfg.UserAgent != "" {
		options = append(options, moby.WithUserAgent(cfg.UserAgent))
	}
	// The host comes first: it can only be applied to moby's own transport, which ours then replaces.
	calls := append(options[:len(options):len(options)],
		moby.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: moby.CheckRedirect}))
	if c.Client, err = moby.New(calls...); err != nil {
		return fmt.Errorf("docker client: %w", err)
	}
	hijack := hijackDialer(dial, config)
	streams := append(options[:len(options):len(options)],
		moby.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) { return hijack(ctx) }),
		moby.WithHTTPRequestHook(c.lowerPath))
	if c.streams, err = moby.New(streams...); err != nil {
		return fmt.Errorf("docker client: %w", err)
	}
	return nil
}

// pin is the version moby's client is told: the engine's, or the lowest it agrees to speak.
func (c *Client) pin() version.Version {
	if c.spoken.Before(mobyFloor) {
		return mobyFloor
	}
	return c.spoken
}

// lowerPath gives a hijacked request the engine's version; those have no other differences.
func (c *Client) lowerPath(req *http.Request) error {
	base := c.wire.ep.base
	if given, rest := splitVersion(req.URL.Path, base); given != "" {
		u := *req.URL
		u.Path, u.RawPath = base+"/v"+c.spoken.String()+rest, ""
		req.URL = &u
	}
	c.wire.requests.Add(1)
	return nil
}

// ClientVersion is the API version spoken on the wire, as "1.41".
func (c *Client) ClientVersion() string { return c.spoken.String() }

// EngineName is what kind of engine this is: "dockerd", "podman" …
func (c *Client) EngineName() string { return c.engine.name }

// DaemonHost is the engine's address as it was given.
func (c *Client) DaemonHost() string { return c.wire.ep.host }

// Requests is how many requests went out to the engine so far, the probe included.
func (c *Client) Requests() int64 { return c.wire.requests.Load() }

// Close closes the connections that nobody uses. Calls under way go on.
func (c *Client) Close() error {
	c.wire.close()
	return c.streams.Close()
}

// ContainerAttach attaches to a container; see moby's client.
func (c *Client) ContainerAttach(ctx context.Context, id string, o moby.ContainerAttachOptions) (moby.ContainerAttachResult, error) {
	began := time.Now()
	result, err := c.streams.ContainerAttach(ctx, id, o)
	return result, c.hijacked("/containers/"+id+"/attach", began, err)
}

// ExecAttach starts an exec and attaches to it; see moby's client.
func (c *Client) ExecAttach(ctx context.Context, id string, o moby.ExecAttachOptions) (moby.ExecAttachResult, error) {
	began := time.Now()
	result, err := c.streams.ExecAttach(ctx, id, o)
	return result, c.hijacked("/exec/"+id+"/start", began, err)
}

// DialHijack sends a request that takes its connection over; see moby's client.
func (c *Client) DialHijack(ctx context.Context, url, proto string, meta map[string][]string) (net.Conn, error) {
	conn, err := c.streams.DialHijack(ctx, url, proto, meta)
	return conn, c.hijacked(url, time.Now(), err)
}

// Dialer returns how to connect to the engine, TLS included.
func (c *Client) Dialer() func(context.Context) (net.Conn, error) { return c.streams.Dialer() }

func (c *Client) hijacked(path string, began time.Time, err error) error {
	status := http.StatusSwitchingProtocols
	if err != nil {
		status = 0
	}
	if c.wire.trace != nil {
		c.wire.trace(http.MethodPost, path, status, time.Since(began))
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist) {
		return explain(c.wire.ep, err)
	}
	return err
}

// hostname is the host part of a tcp address, for TLS.
func (ep *endpoint) hostname() string {
	return (&url.URL{Host: ep.address}).Hostname()
}

// mobyHost is the address in a form moby's client can make URLs of. Nobody connects to it.
func (ep *endpoint) mobyHost() string {
	switch ep.network {
	case "tcp":
		return "tcp://" + ep.address + ep.base
	case "unix":
		return "unix://" + ep.address
	default:
		return "tcp://" + moby.DummyHost
	}
}
