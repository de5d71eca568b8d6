package registry

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// hubName is the registry of names without one, hubHost where it is.
	hubName = "docker.io"
	hubHost = "registry-1.docker.io"
	// DefaultIndex is the search index of docker.io.
	DefaultIndex = "https://index.docker.io"
	// defaultStall is how long a registry may send nothing.
	defaultStall = 60 * time.Second
)

// Config is how registries are reached. The zero value reaches public ones.
type Config struct {
	// Mirrors are asked before docker.io, in this order: URLs such as https://mirror.example.com.
	Mirrors []string
	// Insecure are registries that may speak plain HTTP or have certificates nobody knows: host, host:port, or an
	// address range in CIDR form. Addresses 127.0.0.0/8 and ::1, and the name localhost, always are.
	Insecure []string
	// Index is the base URL of the index that searches without a registry's name go to; empty: DefaultIndex.
	Index string
	// CertsDirs hold folders named host:port with ca.crt (several *.crt), client.cert and client.key.
	CertsDirs []string
	// Authorities are those of single registries, by host or host:port in lower case. They count beside those of the machine
	// and of CertsDirs. A registry that has one is verified wherever it is, unless Insecure names it.
	Authorities map[string]Authority
	// UserAgent is sent with each request; empty: "cleat".
	UserAgent string
	// StallTimeout is how long a registry may send nothing before it is given up; 0: 60 s.
	StallTimeout time.Duration
	// Log must not be nil.
	Log hclog.Logger
}

// Client reaches registries. Its methods may be called from any goroutine.
type Client struct {
	config   Config
	mirrors  []*url.URL
	insecure []netip.Prefix

	mu      sync.Mutex
	clients map[string]*http.Client // by host, and those who skip verification apart
}

// New checks a configuration. An unusable mirror or index is errs.ErrInvalid.
func New(config Config) (*Client, error) {
	c := &Client{config: config, clients: map[string]*http.Client{}}
	if c.config.Index == "" {
		c.config.Index = DefaultIndex
	}
	if c.config.UserAgent == "" {
		c.config.UserAgent = "cleat"
	}
	if c.config.StallTimeout == 0 {
		c.config.StallTimeout = defaultStall
	}
	for _, mirror := range config.Mirrors {
		u, err := url.Parse(mirror)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, fmt.Errorf("registry mirror %q is not an http or https URL without query and user: %w", mirror, errs.ErrInvalid)
		}
		c.mirrors = append(c.mirrors, u)
	}
	if u, err := url.Parse(c.config.Index); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("index %q is not an http or https URL: %w", c.config.Index, errs.ErrInvalid)
	}
	for _, s := range config.Insecure {
		if prefix, err := netip.ParsePrefix(s); err == nil {
			c.insecure = append(c.insecure, prefix)
		}
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
}

// Insecure reports whether a registry, by its name in image references, may be reached without or with unverified TLS.
func (c *Client) Insecure(domain string) bool {
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	for _, s := range c.config.Insecure {
		if s == domain || s == host {
			return true
		}
	}
	address, _ := netip.ParseAddr(host) // of a name none, which is in no range
	address = address.Unmap()
	for _, prefix := range c.insecure {
		if prefix.Contains(address) {
			return true
		}
	}
	_, verified := c.config.Authorities[strings.ToLower(domain)]
	return !verified && (host == "localhost" || address.IsLoopback())
}

// place is one base URL under which a repository may be found.
type place struct {
	base   url.URL // ends with /v2
	client *http.Client
	auth   *authorizer
	mirror bool
}

// places returns where a repository is, in the order to try.
func (c *Client) places(name reference.Named, auth *authorizer) ([]*place, error) {
	domain := reference.Domain(name)
	var all []*place
	if domain == hubName {
		for _, mirror := range c.mirrors {
			client, err := c.client(mirror.Host, c.Insecure(mirror.Host))
			if err != nil {
				return nil, err
			}
			base := *mirror
			base.Path = strings.TrimRight(base.Path, "/") + "/v2"
			all = append(all, &place{base: base, client: client, auth: c.authorizer(client, nil, false), mirror: true})
		}
		domain = hubHost
	}
	insecure := c.Insecure(domain)
	client, err := c.client(domain, insecure)
	if err != nil {
		return nil, err
	}
	auth.client = client
	all = append(all, &place{base: url.URL{Scheme: "https", Host: domain, Path: "/v2"}, client: client, auth: auth})
	if insecure {
		all = append(all, &place{base: url.URL{Scheme: "http", Host: domain, Path: "/v2"}, client: client, auth: auth})
	}
	return all, nil
}

// client returns the HTTP client for a host, one for all requests so that connections are used again.
func (c *Client) client(host string, insecure bool) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := host
	if insecure {
		key += " insecure"
	}
	if client := c.clients[key]; client != nil {
		return client, nil
	}
	config, err := c.tls(host)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = insecure
	client := &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: min(30*time.Second, c.config.StallTimeout)}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   min(15*time.Second, c.config.StallTimeout),
		ResponseHeaderTimeout: c.config.StallTimeout,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true, // layers are compressed, and their bytes are what the digest is of
		ForceAttemptHTTP2:     true,
		ReadBufferSize:        64 << 10,
		WriteBufferSize:       64 << 10,
	}}
	c.clients[key] = client
	return client, nil
}
