package sshclient

import (
	"cmp"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort    = "22"
	defaultTimeout = 30 * time.Second
	// A connection on which nothing is heard for so long, so many times, is taken for cut. OpenSSH asks only when it
	// is told to; a provider that hangs for hours helps nobody.
	defaultAlive      = 30 * time.Second
	defaultAliveCount = 3
	// maxJumps bounds the hosts on the way.
	maxJumps = 8
)

// Environment is what of the user's surroundings counts.
type Environment struct {
	// Home is the user's directory, User the name.
	Home, User string
	// Agent is the address of the user's agent, SSH_AUTH_SOCK; "" for none.
	Agent string
	// System is the directory of ssh_config and ssh_known_hosts, /etc/ssh.
	System string
}

// Surroundings are those of this process.
func Surroundings() Environment {
	e := Environment{Agent: defaultAgent(os.Getenv("SSH_AUTH_SOCK")), System: systemDir()}
	if home, err := os.UserHomeDir(); err == nil {
		e.Home = home
	}
	if u, err := user.Current(); err == nil {
		e.User = u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // without Windows' domain
	}
	return e
}

// Target is where to, as the address of the engine says: User and Port may be empty.
type Target struct{ User, Host, Port string }

// Settings are how to reach one host.
type Settings struct {
	// Name is the host as it was asked for, address and port where it is.
	name, address, port, user string

	identities     []string // files of keys
	chosen         bool     // they were named by somebody
	identitiesOnly bool
	agent          string

	knownHosts   []string // the first is added to
	systemHosts  []string
	hostKeyAlias string
	strict       string // yes, accept-new, no
	hashed       bool

	timeout, alive time.Duration
	aliveCount     int
	network        string // tcp, tcp4, tcp6
	jump           *Settings
}

// Read returns how to reach a host: what the arguments of ssh say, the address, ~/.ssh/config and /etc/ssh/ssh_config,
// in this order. It is a [*NotUnderstood] where one of them asks for what this package does not do.
func Read(e Environment, to Target, args []string) (*Settings, error) {
	given, files, err := parseArgs(args, e)
	if err != nil {
		return nil, err
	}
	return read(e, to, given, files, 0)
}

func read(e Environment, to Target, given []option, files []configFile, jumps int) (*Settings, error) {
	if jumps > maxJumps {
		return nil, &NotUnderstood{"more than " + strconv.Itoa(maxJumps) + " jump hosts", "ProxyJump"}
	}
	options := given
	if to.Port != "" {
		options = append(options[:len(options):len(options)], option{"port", []string{to.Port}, "the address"})
	}
	if to.User != "" {
		options = append(options[:len(options):len(options)], option{"user", []string{to.User}, "the address"})
	}
	reader := configReader{host: to.Host, home: e.Home, options: options}
	for _, file := range files {
		if err := reader.file(file.path, file.dir, 0); err != nil {
			return nil, err
		}
	}
	c := collector{seen: map[string]bool{}, s: &Settings{name: to.Host, network: "tcp", aliveCount: -1, alive: -1}}
	for _, o := range reader.options {
		if err := c.add(o); err != nil {
			return nil, err
		}
	}
	s := c.s
	if err := s.complete(e); err != nil {
		return nil, err
	}
	if err := s.readJumps(e, c.jump, files, jumps); err != nil {
		return nil, err
	}
	if _, err := s.hostKeys(); err != nil {
		return nil, &NotUnderstood{err.Error(), "known hosts"}
	}
	return s, nil
}

// readJumps reads the hosts on the way, the last of which is reached through those before it.
func (s *Settings) readJumps(e Environment, jump option, files []configFile, jumps int) error {
	if jump.keyword == "" || strings.EqualFold(jump.args[0], "none") {
		return nil
	}
	before, last := "", jump.args[0]
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		before, last = last[:i], last[i+1:]
	}
	to, err := parseTarget(last, jump.where)
	if err != nil {
		return err
	}
	var given []option
	if before != "" {
		given = []option{{"proxyjump", []string{before}, jump.where}}
	}
	s.jump, err = read(e, to, given, files, jumps+1)
	return err
}

// parseTarget reads [user@]host[:port] or ssh://[user@]host[:port].
func parseTarget(text, where string) (Target, error) {
	var to Target
	rest := strings.TrimSuffix(strings.TrimPrefix(text, "ssh://"), "/")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		to.User, rest = rest[:i], rest[i+1:]
	}
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return to, &NotUnderstood{"jump host " + text, where}
		}
		to.Host, rest = rest[1:end], rest[end+1:]
		to.Port = strings.TrimPrefix(rest, ":")
	} else {
		to.Host, to.Port, _ = strings.Cut(rest, ":")
	}
	if to.Host == "" || strings.ContainsAny(text, " \t%$") || strings.Contains(to.Port, ":") {
		return to, &NotUnderstood{"jump host " + text, where}
	}
	return to, nil
}

// complete gives what was not said its default and replaces the tokens in paths.
func (s *Settings) complete(e Environment) error {
	s.user, s.port = cmp.Or(s.user, e.User), cmp.Or(s.port, defaultPort)
	s.timeout = cmp.Or(s.timeout, defaultTimeout)
	s.strict = cmp.Or(s.strict, "yes")
	if s.alive < 0 {
		s.alive = defaultAlive
	}
	if s.aliveCount < 0 {
		s.aliveCount = defaultAliveCount
	}
	if s.address == "" {
		s.address = s.name
	} else {
		var err error
		if s.address, err = s.expand(s.address, e, "h%"); err != nil {
			return err
		}
	}
	ssh := filepath.Join(e.Home, ".ssh")
	switch strings.ToLower(s.agent) {
	case "":
		s.agent = e.Agent
	case "none":
		s.agent = ""
	case "ssh_auth_sock":
		s.agent = e.Agent
	default:
		var err error
		if s.agent, err = s.expand(s.agent, e, "%hdru"); err != nil {
			return err
		}
	}
	if s.knownHosts == nil {
		s.knownHosts = []string{filepath.Join(ssh, "known_hosts"), filepath.Join(ssh, "known_hosts2")}
	}
	if s.systemHosts == nil {
		s.systemHosts = []string{filepath.Join(e.System, "ssh_known_hosts"), filepath.Join(e.System, "ssh_known_hosts2")}
	}
	s.chosen = len(s.identities) > 0
	if !s.chosen {
		for _, name := range []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"} {
			s.identities = append(s.identities, filepath.Join(ssh, name))
		}
	}
	for _, list := range [][]string{s.identities, s.knownHosts, s.systemHosts} {
		for i, path := range list {
			var err error
			if list[i], err = s.expand(path, e, "%hdru"); err != nil {
				return err
			}
		}
	}
	return nil
}

// expand replaces ~ and the tokens allowed in a value.
func (s *Settings) expand(text string, e Environment, allowed string) (string, error) {
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		text = filepath.Join(e.Home, rest)
	}
	if strings.Contains(text, "${") || strings.HasPrefix(text, "~") {
		return "", &NotUnderstood{text, "a path"}
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out.WriteByte(text[i])
			continue
		}
		i++
		if i == len(text) || !strings.Contains(allowed, text[i:i+1]) {
			return "", &NotUnderstood{"token in " + text, "a path"}
		}
		address := s.address
		if allowed == "h%" {
			address = s.name
		}
		out.WriteString(map[byte]string{'%': "%", 'h': address, 'd': e.Home, 'r': s.user, 'u': e.User}[text[i]])
	}
	return out.String(), nil
}

// String names the host in messages.
func (s *Settings) String() string {
	name := s.user + "@" + s.name
	if s.port != defaultPort {
		name += " port " + s.port
	}
	return name
}
