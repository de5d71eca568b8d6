package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// bridgeName is what the kernel takes for an interface, without what shells and nftables would stumble over.
var bridgeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$`)

// check looks at what its type alone does not say.
func (l *loader) check() {
	c := &l.flags.raw
	for _, host := range c.Hosts {
		scheme, _, ok := strings.Cut(host, "://")
		l.want(ok && slices.Contains([]string{"unix", "tcp", "fd"}, scheme), "host", host, "unix://PATH, tcp://HOST:PORT or fd://")
	}
	l.want(len(c.Hosts) > 0, "host", "[]", "at least one address")
	for name, dir := range map[string]string{"data-root": c.DataRoot, "exec-root": c.ExecRoot} {
		l.want(filepath.IsAbs(dir) && filepath.Clean(dir) != "/", name, dir, "an absolute path other than /")
	}
	l.want(filepath.Clean(c.DataRoot) != filepath.Clean(c.ExecRoot), "exec-root", c.ExecRoot, "another folder than data-root")
	for name, path := range map[string]string{"helper-dir": c.HelperDir, "pidfile": c.Pidfile} {
		l.want(path == "" || filepath.IsAbs(path), name, path, "an absolute path")
	}
	for _, label := range c.Labels {
		key, _, ok := strings.Cut(label, "=")
		l.want(ok && key != "", "label", label, "KEY=VALUE")
	}
	l.versions(c)
	l.network(c)
	l.registries(c)
	l.want(slices.Contains([]string{"trace", "debug", "info", "warn", "error"}, c.LogLevel), "log-level", c.LogLevel, "trace, debug, info, warn or error")
	l.want(slices.Contains([]string{"text", "json"}, c.LogFormat), "log-format", c.LogFormat, "text or json")
	if c.MetricsAddr != "" {
		_, port, err := net.SplitHostPort(c.MetricsAddr)
		_, portErr := strconv.ParseUint(port, 10, 16)
		l.want(err == nil && portErr == nil, "metrics-addr", c.MetricsAddr, "HOST:PORT")
	}
	l.tls(c)
}

func (l *loader) versions(c *raw) {
	known := fmt.Sprintf("a version of the API from %s to %s", server.Oldest(), server.Newest())
	for option, v := range map[string]struct {
		text string
		to   *version.Version
	}{"api-min": {c.apiMin, &c.APIMin}, "api-max": {c.apiMax, &c.APIMax}} {
		var err error
		*v.to, err = version.Parse(v.text)
		l.want(err == nil && !v.to.Before(server.Oldest()) && !server.Newest().Before(*v.to), option, v.text, known)
	}
	l.want(c.APIMax.IsZero() || !c.APIMax.Before(c.APIMin), "api-max", c.apiMax, "api-min or later, which is "+c.apiMin)
}

func (l *loader) tls(c *raw) {
	if !c.TLS && !c.TLSVerify {
		for name, file := range map[string]string{"tlscacert": c.TLSCACert, "tlscert": c.TLSCert, "tlskey": c.TLSKey} {
			l.want(file == "", name, file, "tls or tlsverify with it")
		}
		return
	}
	l.want(c.TLSCert != "", "tlscert", "", "the daemon's certificate, because TLS is on")
	l.want(c.TLSKey != "", "tlskey", "", "the key of the daemon's certificate, because TLS is on")
	l.want(!c.TLSVerify || c.TLSCACert != "", "tlscacert", "", "the authority of client certificates, because tlsverify is on")
}

func (l *loader) network(c *raw) {
	l.want(bridgeName.MatchString(c.Bridge), "bridge", c.Bridge, "1 to 15 letters, digits, _, . or -")
	if c.bip != "" {
		p, err := netip.ParsePrefix(c.bip)
		l.want(err == nil && p.Addr().Is4() && p.Bits() <= 30 && p.Addr() != p.Masked().Addr(), "bip", c.bip,
			"an IPv4 address of a host with its subnet, as 172.20.0.1/16")
		c.BIP = p
	}
	for _, text := range c.pools {
		pool, ok := parsePool(text)
		l.want(ok, "default-address-pool", text, "base=CIDR,size=BITS, as base=10.8.0.0/16,size=24")
		c.Pools = append(c.Pools, pool)
	}
	l.want(c.MTU == 0 || c.MTU >= 68 && c.MTU <= 65535, "mtu", strconv.Itoa(c.MTU), "68 to 65535 bytes")
	if c.hostIP != "" {
		ip, err := netip.ParseAddr(c.hostIP)
		l.want(err == nil && ip.Zone() == "", "ip", c.hostIP, "an IP address")
		c.HostIP = ip
	}
}

func parsePool(text string) (Pool, bool) {
	var p Pool
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "base":
			p.Base, err = netip.ParsePrefix(value)
		case "size":
			p.Size, err = strconv.Atoi(value)
		default:
			return p, false
		}
		if err != nil {
			return p, false
		}
	}
	ok := p.Base.IsValid() && p.Base.Addr().Is4() && p.Base.Masked() == p.Base && p.Size >= p.Base.Bits() && p.Size <= 30
	return p, ok
}

func (l *loader) registries(c *raw) {
	for _, r := range c.InsecureRegistries {
		_, err := netip.ParsePrefix(r)
		l.want(err == nil || isHost(r), "insecure-registry", r, "HOST, HOST:PORT or CIDR, without https://")
	}
	for _, m := range c.Mirrors {
		u, err := url.Parse(m)
		l.want(err == nil && isHTTP(u) && u.RawQuery == "" && u.Fragment == "", "registry-mirror", redacted(m), "http://HOST or https://HOST, without user, query and fragment")
	}
	if c.SearchIndex != "" {
		u, err := url.Parse(c.SearchIndex)
		l.want(err == nil && isHTTP(u), "search-index", redacted(c.SearchIndex), "http://HOST or https://HOST")
	}
	l.want(c.Downloads > 0, "max-concurrent-downloads", strconv.Itoa(c.Downloads), "1 or more")
}

func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	return err == nil && u.Host == s && s != "" && u.User == nil
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// redacted is a URL without the password in it.
func redacted(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	return text
}

// want notes a mistake unless ok, with the place of the option.
func (l *loader) want(ok bool, option, found, want string) {
	if ok {
		return
	}
	at, given := l.origin[option]
	if !given {
		at = "command line"
		option = "--" + option
	}
	l.problems = append(l.problems, fmt.Errorf("%s: %s: found %q, want %s", at, option, found, want))
}
