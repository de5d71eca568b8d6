package config

import (
	"net/netip"

	"github.com/spf13/pflag"

	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// DefaultFile is read when it exists and no other one is named.
const DefaultFile = "/etc/cleat/cleatd.hcl"

// Config is everything that can be configured, checked. [Load] makes it.
type Config struct {
	// Hosts to listen on: unix://PATH, tcp://HOST:PORT, fd://. At least one.
	Hosts []string
	// Group owns unix sockets when it exists.
	Group string
	// TLS asks for TLS on TCP without client certificates; TLSVerify demands them.
	TLS, TLSVerify bool
	// TLSCACert, TLSCert and TLSKey are PEM files.
	TLSCACert, TLSCert, TLSKey string
	// InsecureTCP allows TCP outside loopback to clients without certificates.
	InsecureTCP bool
	// CORS is the value of Access-Control-Allow-Origin; empty: no such header.
	CORS string
	// APIMin and APIMax bound the versions of the API that are spoken; APIMax is announced.
	APIMin, APIMax version.Version

	// DataRoot holds what outlives a reboot, ExecRoot what does not. Absolute.
	DataRoot, ExecRoot string
	// HelperDir holds cleat-monitor and cleat-creator; empty: beside cleatd.
	HelperDir string
	// Pidfile is written at the start and removed at the end; empty: none.
	Pidfile string
	// Init gives containers that say nothing of it a process 1 which reaps and forwards signals.
	Init bool
	// Labels of the daemon, key=value, for GET /info.
	Labels []string

	// Bridge is the interface of the default network; BIP its address with the length of the subnet, invalid: chosen.
	Bridge string
	BIP    netip.Prefix
	// Pools are where subnets come from that nobody chose; empty: the default ones.
	Pools []Pool
	// ICC lets containers of the default network reach each other; Masquerade hides their addresses outside.
	ICC, Masquerade bool
	// MTU of the default network in bytes; 0: that of the default route.
	MTU int
	// HostIP is where ports are published that name no address; invalid: everywhere.
	HostIP netip.Addr

	// InsecureRegistries may speak HTTP or have unknown certificates: HOST[:PORT] or CIDR.
	InsecureRegistries []string
	// Mirrors are asked before docker.io: http and https URLs.
	Mirrors []string
	// SearchIndex is the index that searches go to; empty: Docker Hub's.
	SearchIndex string
	// CertsDirs hold certificates by registry.
	CertsDirs []string
	// Downloads is how many layers are fetched at the same time.
	Downloads int

	// LogLevel is trace, debug, info, warn or error; LogFormat text or json.
	LogLevel, LogFormat string
	// MetricsAddr is where Prometheus finds /metrics, HOST:PORT; empty: nowhere.
	MetricsAddr string
}

// Pool is a part of the address space that is cut into subnets.
type Pool struct {
	// Base is the whole.
	Base netip.Prefix
	// Size is the length of the subnets cut from it, in bits.
	Size int
}

// raw holds what cannot be checked by its type alone, as it was written.
type raw struct {
	Config
	bip, hostIP    string
	apiMin, apiMax string
	pools          []string
	file           string
}

// Flags are the options on a command line.
type Flags struct {
	set *pflag.FlagSet
	raw raw
}

// NewFlags adds all options to set, which parses them, with their defaults.
func NewFlags(set *pflag.FlagSet) *Flags {
	f := &Flags{set: set}
	c := &f.raw
	set.StringVar(&c.file, "config-file", DefaultFile, "read options from the HCL `FILE`; flags win over it")

	set.StringArrayVarP(&c.Hosts, "host", "H", []string{"unix:///run/cleat/cleat.sock"}, "listen on `ADDRESS`: unix://PATH, tcp://HOST:PORT or fd:// (systemd); may be repeated")
	set.StringVar(&c.Group, "group", "cleat", "`NAME` of the group that may use unix sockets")
	set.BoolVar(&c.TLS, "tls", false, "speak TLS on TCP; clients need no certificate")
	set.BoolVar(&c.TLSVerify, "tlsverify", false, "speak TLS on TCP and demand a client certificate")
	set.StringVar(&c.TLSCACert, "tlscacert", "", "PEM `FILE` of the authority that signs client certificates")
	set.StringVar(&c.TLSCert, "tlscert", "", "PEM `FILE` of the daemon's certificate")
	set.StringVar(&c.TLSKey, "tlskey", "", "PEM `FILE` of the daemon's key")
	set.BoolVar(&c.InsecureTCP, "insecure-tcp", false, "allow TCP outside loopback without client certificates: who reaches it is root here")
	set.StringVar(&c.apiMin, "api-min", server.Oldest().String(), "refuse API versions before `VERSION`")
	set.StringVar(&c.apiMax, "api-max", server.Newest().String(), "announce API `VERSION`, refuse newer ones and answer paths without a version in it: for tests, and for clients that must be held back")
	set.StringVar(&c.CORS, "api-cors-header", "", "send `VALUE` as Access-Control-Allow-Origin")

	set.StringVar(&c.DataRoot, "data-root", "/var/lib/cleat", "`DIR` of images, containers and volumes")
	set.StringVar(&c.ExecRoot, "exec-root", "/run/cleat/exec", "`DIR` of what need not outlive a reboot")
	set.StringVar(&c.HelperDir, "helper-dir", "", "`DIR` of cleat-monitor and cleat-creator (default: that of cleatd)")
	set.StringVar(&c.Pidfile, "pidfile", "", "write the process id to `FILE`")
	set.BoolVar(&c.Init, "init", false, "run an init in containers that do not say whether they want one")
	set.StringArrayVar(&c.Labels, "label", nil, "`KEY=VALUE` shown by info; may be repeated")

	set.StringVar(&c.Bridge, "bridge", "cleat0", "`NAME` of the default network's bridge")
	set.StringVar(&c.bip, "bip", "", "address and subnet of the bridge, `CIDR` as 172.20.0.1/16 (default: the first that is free)")
	set.StringArrayVar(&c.pools, "default-address-pool", nil, "take subnets from `base=CIDR,size=BITS`; may be repeated")
	set.BoolVar(&c.ICC, "icc", true, "let containers of the default network reach each other")
	set.BoolVar(&c.Masquerade, "ip-masq", true, "hide containers' addresses behind the host's")
	set.IntVar(&c.MTU, "mtu", 0, "`BYTES` a packet of the default network may have (default: those of the default route)")
	set.StringVar(&c.hostIP, "ip", "", "`ADDRESS` ports are published on that name none (default: all)")

	set.StringArrayVar(&c.InsecureRegistries, "insecure-registry", nil, "`HOST[:PORT]|CIDR` that may speak HTTP or have an unknown certificate; may be repeated")
	set.StringArrayVar(&c.Mirrors, "registry-mirror", nil, "`URL` asked before docker.io; may be repeated")
	set.StringVar(&c.SearchIndex, "search-index", "", "`URL` of the index searches go to (default: Docker Hub's)")
	set.StringArrayVar(&c.CertsDirs, "registry-certs", []string{"/etc/cleat/certs.d", "/etc/docker/certs.d"}, "`DIR` of certificates by registry; may be repeated")
	set.IntVar(&c.Downloads, "max-concurrent-downloads", 3, "fetch `N` layers at the same time")

	set.StringVar(&c.LogLevel, "log-level", "info", "`LEVEL`: trace, debug, info, warn or error")
	set.StringVar(&c.LogFormat, "log-format", "text", "`FORMAT`: text or json")
	set.StringVar(&c.MetricsAddr, "metrics-addr", "", "serve Prometheus metrics at `HOST:PORT`/metrics")
	return f
}
