package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const activatedEnv = "CLEAT_TEST_ACTIVATED"

// TestMain is also the daemon that TestActivation starts.
func TestMain(m *testing.M) {
	if hosts := os.Getenv(activatedEnv); hosts != "" {
		os.Exit(activated(strings.Fields(hosts)))
	}
	os.Exit(m.Run())
}

// activated says what it was given, one address a line.
func activated(hosts []string) int {
	_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	listeners, err := Listen(context.Background(), ListenConfig{Hosts: hosts})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	for _, l := range listeners {
		fmt.Println(l.Addr().Network())
	}
	return 0
}

// serve runs a server on the listeners until the test ends.
func serve(t *testing.T, s *Server, listeners ...net.Listener) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listeners...) }()
	stopped := false
	stop = func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		return <-done
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}

func listen(t *testing.T, cfg ListenConfig) []net.Listener {
	t.Helper()
	listeners, err := Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return listeners
}

// over is an HTTP client for one listener.
func over(l net.Listener, config *tls.Config) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, l.Addr().Network(), l.Addr().String())
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: config, DisableKeepAlives: true}}
}

func call(t *testing.T, c *http.Client, target string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		return "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "cleat.sock")
	gid := os.Getgid()
	group, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		t.Skipf("own group: %v", err)
	}
	// What a killed daemon leaves: a socket nobody listens on.
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}

	cfg := ListenConfig{Hosts: []string{"unix://" + path}, Group: group.Name}
	l := listen(t, cfg)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || info.Mode().Perm() != 0o660 || stat.Gid != uint32(gid) {
		t.Errorf("socket is %v, want mode 0660 and group %d", info.Mode(), gid)
	}
	if _, err := Listen(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "another process is listening") {
		t.Errorf("second daemon: %v", err)
	}
	stop := serve(t, newServer(t, Config{Routes: routes()}), l...)
	if got, err := call(t, over(l[0], nil), "http://docker/v1.18/containers/json"); got != "list" {
		t.Errorf("call over the socket: %q, %v", got, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A listener does not remove the socket of its successor.
func TestUnixSocketOfAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	cfg := ListenConfig{Hosts: []string{"unix://" + path}, Group: "no such group"}
	first := listen(t, cfg)[0]
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := listen(t, cfg)[0]
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the second daemon's socket: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	unverified := &tls.Config{MinVersion: tls.VersionTLS12}
	sock := filepath.Join(dir, "s")
	for _, tc := range []struct {
		hosts []string
		tls   *tls.Config
		want  string
	}{
		{nil, nil, "no host given"},
		{[]string{"/run/x.sock"}, nil, "want unix://PATH"},
		{[]string{"npipe:////./pipe/x"}, nil, `unknown scheme "npipe"`},
		{[]string{"unix://relative"}, nil, "want an absolute one"},
		{[]string{"unix://" + file}, nil, "is no socket"},
		{[]string{"unix:///" + strings.Repeat("x", 200)}, nil, "the kernel takes 107"},
		{[]string{"unix://" + file + "/s"}, nil, "not a directory"},
		{[]string{"tcp://0.0.0.0:0"}, nil, "plain TCP outside loopback"},
		{[]string{"tcp://:0"}, nil, "plain TCP outside loopback"},
		{[]string{"tcp://[::]:0"}, nil, "plain TCP outside loopback"},
		{[]string{"tcp://192.0.2.1"}, nil, "plain TCP outside loopback"},
		{[]string{"tcp://0.0.0.0:0"}, unverified, "asks for no client certificate"},
		{[]string{"tcp://127.0.0.1:99999"}, nil, `port "99999"`},
		{[]string{"unix://" + sock, "tcp://" + taken.Addr().String()}, nil, "address already in use"},
		{[]string{"fd://"}, nil, "systemd has handed over no such socket"},
	} {
		_, err := Listen(t.Context(), ListenConfig{Hosts: tc.hosts, TLS: tc.tls})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want …%s…", tc.hosts, err, tc.want)
		}
	}
	if _, err := os.Stat(sock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first of two hosts is still there: %v", err)
	}
}

func TestSeveralListeners(t *testing.T) {
	t.Parallel()
	l := listen(t, ListenConfig{InsecureTCP: true, Hosts: []string{
		"unix://" + filepath.Join(t.TempDir(), "s"), "tcp://127.0.0.1:0", "tcp://localhost:0", "tcp://0.0.0.0:0"}})
	serve(t, newServer(t, Config{Routes: routes()}), l...)
	for _, one := range l {
		if got, err := call(t, over(one, nil), "http://docker/containers/json"); got != "list" {
			t.Errorf("%s: %q, %v", one.Addr(), got, err)
		}
	}
}

func TestActivation(t *testing.T) {
	t.Parallel()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for _, l := range []interface{ File() (*os.File, error) }{tcp, unix} {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		files = append(files, f)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ hosts, want string }{
		{"fd://", "tcp\nunix\n"},
		{"fd://*", "tcp\nunix\n"},
		{"fd://api", "unix\n"},
		{"fd://3", "tcp\n"},
		{"fd://api fd://3", "unix\ntcp\n"},
		{"fd://5", "error: listen on fd://5: systemd has handed over no such socket: is cleatd.socket active?\n"},
		{"fd:// fd://3", "error: listen on fd://3: systemd has handed over no such socket: is cleatd.socket active?\n"},
	} {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.ExtraFiles = files
		cmd.Env = append(os.Environ(), activatedEnv+"="+tc.hosts, "LISTEN_FDS=2", "LISTEN_FDNAMES=connection:api")
		out, _ := cmd.Output() // its code is that of an expected error
		if string(out) != tc.want {
			t.Errorf("%s: %q, want %q", tc.hosts, out, tc.want)
		}
	}
}

// authority signs certificates for a test.
type authority struct {
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, "ca")
	return a
}

// sign writes NAME.pem and NAME-key.pem. The first certificate is the authority's own.
func (a *authority) sign(t *testing.T, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: a.cert == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + "-key.pem": {Type: "EC PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// client is the configuration of one with a certificate of that name, or none.
func (a *authority) client(t *testing.T, name string) *tls.Config {
	t.Helper()
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	cfg.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+"-key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	a.sign(t, "server")
	a.sign(t, "client")
	other.sign(t, "client")
	cfg, err := TLS(TLSFiles{CA: a.file("ca.pem"), Cert: a.file("server.pem"), Key: a.file("server-key.pem"), Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, ListenConfig{Hosts: []string{"tcp://0.0.0.0:0"}, TLS: cfg})[0]
	serve(t, newServer(t, Config{Routes: routes()}), l)
	known := a.client(t, "client")
	stranger := known.Clone()
	stranger.Certificates = other.client(t, "client").Certificates
	for name, tc := range map[string]struct {
		client *tls.Config
		scheme string
		want   string
	}{
		"known":          {known, "https", "list"},
		"no certificate": {a.client(t, ""), "https", "certificate required"},
		"stranger":       {stranger, "https", "unknown certificate authority"},
		"plain":          {nil, "http", "Client sent an HTTP request to an HTTPS server.\n"},
	} {
		got, err := call(t, over(l, tc.client), tc.scheme+"://127.0.0.1/containers/json")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasSuffix(got, tc.want) {
			t.Errorf("%s: %q, want …%q", name, got, tc.want)
		}
	}
}

func TestTLSFiles(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.sign(t, "server")
	cert, key := a.file("server.pem"), a.file("server-key.pem")
	for _, tc := range []struct {
		files TLSFiles
		want  string
	}{
		{TLSFiles{Verify: true}, "needs both --tlscert and --tlskey"},
		{TLSFiles{Cert: cert}, "needs both --tlscert and --tlskey"},
		{TLSFiles{Cert: cert, Key: key, Verify: true}, "--tlsverify needs --tlscacert"},
		{TLSFiles{Cert: cert, Key: a.file("ca-key.pem")}, "private key does not match public key"},
		{TLSFiles{Cert: cert, Key: key, CA: key}, "no PEM certificate in it"},
		{TLSFiles{Cert: cert, Key: key, CA: a.file("none")}, "no such file"},
	} {
		if _, err := TLS(tc.files); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want …%s…", tc.files, err, tc.want)
		}
	}
	if cfg, err := TLS(TLSFiles{}); cfg != nil || err != nil {
		t.Errorf("no files: %v, %v", cfg, err)
	}
}
