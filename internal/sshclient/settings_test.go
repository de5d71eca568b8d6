package sshclient

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const config = `# mine
Host *.example.com !no.example.com
    User = deploy
    Port 2200 # not the usual one
    IdentityFile "~/.ssh/%h key"
    IdentityFile ~/.ssh/second
    ProxyJump gate:2222
    ServerAliveInterval 1m
    ServerAliveCountMax 2
Host short
    HostName %h.example.org
    StrictHostKeyChecking accept-new
    UserKnownHostsFile ~/a /b
    IdentitiesOnly yes
Host gate
    User keeper
    AddressFamily inet
Match all
Include more/*.conf
Host *
    User other
    SendEnv LANG LC_*
    GSSAPIAuthentication yes
    ConnectTimeout 7
`
	h := newHome(t, "")
	h.write(t, "config", config)
	h.write(t, "more/1.conf", "Host inside\n  HostKeyAlias x\n  IdentityAgent ~/agent\n")
	ssh := filepath.Join(h.Home, ".ssh")
	type want struct {
		Address, Port, User, Network, Strict, Agent, Alias, Jump string
		Keys, Hosts                                              []string
		Timeout, Alive                                           time.Duration
		Only                                                     bool
	}
	for name, c := range map[string]struct {
		to   Target
		args []string
		want want
	}{
		"all of a host": {Target{Host: "a.example.com"}, nil, want{
			Address: "a.example.com", Port: "2200", User: "deploy", Jump: "keeper@gate port 2222",
			Keys: []string{filepath.Join(ssh, "a.example.com key"), filepath.Join(ssh, "second")}, Alive: time.Minute,
		}},
		"negated": {Target{Host: "no.example.com"}, nil, want{Address: "no.example.com", User: "other"}},
		"name":    {Target{Host: "short"}, nil, want{Address: "short.example.org", User: "other", Strict: "accept-new", Hosts: []string{filepath.Join(h.Home, "a"), "/b"}, Only: true}},
		"address goes first": {Target{Host: "a.example.com", User: "me", Port: "1"}, []string{"-J", "none"}, want{
			Address: "a.example.com", Port: "1", User: "me",
			Keys: []string{filepath.Join(ssh, "a.example.com key"), filepath.Join(ssh, "second")}, Alive: time.Minute,
		}},
		"arguments go before": {Target{Host: "short", User: "me"}, []string{"-4qp", "77", "-o", "HostName=x", "-oStrictHostKeyChecking=no", "-i", "/k", "-oConnectTimeout=3", "-o", "AddressFamily inet6", "-T"}, want{
			Address: "x", Port: "77", User: "me", Network: "tcp4", Strict: "no", Keys: []string{"/k"}, Timeout: 3 * time.Second, Hosts: []string{filepath.Join(h.Home, "a"), "/b"}, Only: true,
		}},
		"included":  {Target{Host: "inside"}, nil, want{Address: "inside", User: "other", Alias: "x", Agent: filepath.Join(h.Home, "agent")}},
		"no files":  {Target{Host: "short"}, []string{"-F", "none"}, want{Address: "short", User: "me", Timeout: 30 * time.Second}},
		"jump list": {Target{Host: "z"}, []string{"-J", "u@gate:9,[::1]:8"}, want{Address: "z", User: "other", Jump: "other@::1 port 8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := slices.Clone(c.args)
			if i := slices.Index(args, "-4qp"); i >= 0 { // a cluster ends with what has a value: that is not understood
				if _, err := Read(h.Environment, c.to, args); err == nil {
					t.Error("a cluster with a value is understood")
				}
				args = slices.Concat(args[:i], []string{"-4q", "-p"}, args[i+1:])
			}
			s, err := Read(h.Environment, c.to, args)
			if err != nil {
				t.Fatal(err)
			}
			got := want{
				Address: s.address, Port: s.port, User: s.user, Network: s.network, Strict: s.strict, Agent: s.agent, Alias: s.hostKeyAlias,
				Keys: s.identities, Hosts: s.knownHosts, Timeout: s.timeout, Alive: s.alive, Only: s.identitiesOnly,
			}
			if s.jump != nil {
				got.Jump = s.jump.String()
			}
			w := c.want
			if w.Port == "" {
				w.Port = "22"
			}
			if w.Network == "" {
				w.Network = "tcp"
			}
			if w.Strict == "" {
				w.Strict = "yes"
			}
			if w.Timeout == 0 {
				w.Timeout = 7 * time.Second
			}
			if w.Alive == 0 {
				w.Alive = defaultAlive
			}
			if w.Keys == nil {
				w.Keys = []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"}
				for i := range w.Keys {
					w.Keys[i] = filepath.Join(ssh, w.Keys[i])
				}
			}
			if w.Hosts == nil {
				w.Hosts = []string{filepath.Join(ssh, "known_hosts"), filepath.Join(ssh, "known_hosts2")}
			}
			if diff := cmp.Diff(w, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not understood is left to the ssh command, with the place it was found at.
func TestNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		args   []string
		want   string
	}{
		"proxy command":     {config: "Host h\n  ProxyCommand nc %h %p", want: "config line 2: proxycommand nc %h %p"},
		"not of this host":  {config: "Host x\n  ProxyCommand nc"},
		"none":              {config: "ProxyCommand none\nCanonicalizeHostname no"},
		"match":             {config: "\nMatch exec true\n", want: "config line 2: Match exec true"},
		"match all":         {config: "Match all\nUser a"},
		"unknown option":    {config: "Ciphers aes128-ctr", want: "config line 1: ciphers aes128-ctr"},
		"security key":      {config: "SecurityKeyProvider internal", want: "securitykeyprovider internal"},
		"certificate":       {config: "CertificateFile x", want: "certificatefile x"},
		"no value":          {config: "User", want: "config line 1: not an option with a value"},
		"quote":             {config: "User \"a", want: "config line 1: not an option with a value"},
		"token":             {config: "IdentityFile ~/.ssh/%n", want: "token in"},
		"other home":        {config: "IdentityFile ~root/key", want: "~root/key"},
		"environment":       {config: "IdentityAgent ${X}", want: "identityagent ${X}"},
		"port":              {config: "Port ssh", want: "port ssh"},
		"argument":          {args: []string{"-t"}, want: `ssh_opts: argument "-t"`},
		"long":              {args: []string{"--verbose"}, want: `ssh_opts: argument "--verbose"`},
		"without its value": {args: []string{"-p"}, want: `ssh_opts: argument "-p"`},
		"no flag":           {args: []string{"StrictHostKeyChecking=no"}, want: `ssh_opts: argument "StrictHostKeyChecking=no"`},
		"bind":              {args: []string{"-b", "127.0.0.1"}, want: `argument "-b"`},
		"ask":               {args: []string{"-oStrictHostKeyChecking=perhaps"}, want: "stricthostkeychecking perhaps"},
		"jump":              {args: []string{"-J", "a b"}, want: "jump host a b"},
		"circle":            {config: "Host h g\n ProxyJump g", want: "more than 8 jump hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "")
			h.write(t, "config", c.config)
			_, err := Read(h.Environment, Target{Host: "h"}, c.args)
			var not *NotUnderstood
			if errors.As(err, &not) != (c.want != "") || !strings.Contains(errorText(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// K#751: elements of ssh_opts that are a flag with its value, one or two.
func TestK751Opts(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	for _, args := range [][]string{
		{"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"},
		{"-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"},
		{"-o StrictHostKeyChecking=no", "-o UserKnownHostsFile=/dev/null"},
		{"-o", "stricthostkeychecking no", "-o", `UserKnownHostsFile "/dev/null"`},
	} {
		s, err := Read(h.Environment, Target{Host: "h"}, args)
		if err != nil {
			t.Fatal(err)
		}
		if s.strict != "no" || !slices.Equal(s.knownHosts, []string{"/dev/null"}) {
			t.Errorf("%q: strict %s, known hosts %q", args, s.strict, s.knownHosts)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("Host a\n User \"x\\\" y\" # c\nInclude x\nMatch all\nPort=1", "a")
	f.Add("Host *a?b* !c\nProxyJump d,[e]:1", "xab")
	f.Fuzz(func(t *testing.T, text, host string) {
		reader := configReader{host: host, home: t.TempDir()}
		if err := reader.text(strings.ReplaceAll(text, "nclude", "ncluded"), "x", reader.home, 0); err != nil {
			return
		}
		c := collector{seen: map[string]bool{}, s: &Settings{}}
		for _, o := range reader.options {
			if o.keyword == "" || len(o.args) == 0 {
				t.Fatalf("%+v is no option", o)
			}
			_ = c.add(o)
		}
	})
}
