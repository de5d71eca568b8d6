package sshclient

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// configFile is a configuration file and the directory its Include lines are relative to.
type configFile struct{ path, dir string }

// parseArgs reads arguments of the ssh command.
func parseArgs(args []string, e Environment) ([]option, []configFile, error) {
	ssh := filepath.Join(e.Home, ".ssh")
	files := []configFile{{filepath.Join(ssh, "config"), ssh}, {filepath.Join(e.System, "ssh_config"), e.System}}
	var options []option
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
			return nil, nil, &NotUnderstood{"argument " + strconv.Quote(arg), "ssh_opts"}
		}
		if strings.Trim(arg[1:], "qvCTAaxk46n") == "" { // say more, say less, and what no use is made of
			for _, c := range arg[1:] {
				if family := map[rune]string{'4': "inet", '6': "inet6"}[c]; family != "" {
					options = append(options, option{"addressfamily", []string{family}, "ssh_opts"})
				}
			}
			continue
		}
		value := arg[2:]
		if value == "" && i+1 < len(args) {
			i++
			value = args[i]
		}
		if value == "" {
			return nil, nil, &NotUnderstood{"argument " + strconv.Quote(arg), "ssh_opts"}
		}
		switch keyword := map[byte]string{'p': "port", 'l': "user", 'i': "identityfile", 'J': "proxyjump"}[arg[1]]; {
		case keyword != "":
			options = append(options, option{keyword, []string{value}, "ssh_opts"})
		case arg[1] == 'o':
			o, err := parseOption(value, "ssh_opts")
			if err != nil {
				return nil, nil, err
			}
			options = append(options, o)
		case arg[1] == 'F':
			files = []configFile{{value, ssh}}
			if value == "none" {
				files = nil
			}
		default:
			return nil, nil, &NotUnderstood{"argument " + strconv.Quote(arg), "ssh_opts"}
		}
	}
	return slices.DeleteFunc(options, func(o option) bool { return o.keyword == "" }), files, nil
}

// ignored are the options without a meaning for what is done here: one connection, without terminal and forwarding, on
// which nothing is asked.
const ignored = " addkeystoagent batchmode canonicalizemaxdots canonicaldomains checkhostip clearallforwardings compression " +
	"connectionattempts controlmaster controlpath controlpersist enableescapecommandline enablesshkeysign escapechar " +
	"exitonforwardfailure fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted " +
	"gatewayports gssapiauthentication gssapidelegatecredentials hostbasedauthentication ipqos kbdinteractiveauthentication " +
	"challengeresponseauthentication kbdinteractivedevices localforward loglevel logverbose nohostauthenticationforlocalhost " +
	"numberofpasswordprompts obscurekeystroketiming passwordauthentication permitlocalcommand preferredauthentications " +
	"dynamicforward remoteforward rekeylimit requesttty sendenv setenv stdinnull streamlocalbindmask streamlocalbindunlink " +
	"syslogfacility tcpkeepalive updatehostkeys visualhostkey xauthlocation ignoreunknown "

// only are the options that are understood with one value alone, which is what they are without being given.
var only = map[string]string{
	"canonicalizehostname": "no", "proxycommand": "none", "pubkeyauthentication": "yes", "pkcs11provider": "none",
	"remotecommand": "none", "tunnel": "no", "verifyhostkeydns": "no", "proxyusefdpass": "no", "sessiontype": "default",
}

// collector takes options in the order of their precedence: the first of a keyword counts.
type collector struct {
	s    *Settings
	seen map[string]bool
	jump option
}

func (c *collector) add(o option) error {
	again := c.seen[o.keyword]
	c.seen[o.keyword] = true
	value := o.args[0]
	not := &NotUnderstood{o.keyword + " " + strings.Join(o.args, " "), o.where}
	switch want, known := only[o.keyword]; {
	case o.keyword == "identityfile":
		if strings.ToLower(value) != "none" && !slices.Contains(c.s.identities, value) {
			c.s.identities = append(c.s.identities, value)
		}
		return nil
	case again:
		return nil
	case known && strings.EqualFold(value, want), strings.Contains(ignored, " "+o.keyword+" "):
		return nil
	case known:
		return not
	case o.keyword == "userknownhostsfile", o.keyword == "globalknownhostsfile":
		list := slices.DeleteFunc(slices.Clone(o.args), func(s string) bool { return strings.EqualFold(s, "none") })
		if list == nil {
			list = []string{}
		}
		if o.keyword[0] == 'u' {
			c.s.knownHosts = list
		} else {
			c.s.systemHosts = list
		}
		return nil
	case o.keyword == "proxyjump":
		c.jump = o
		return nil
	case len(o.args) > 1:
		return not
	}
	if !c.scalar(o.keyword, value) {
		return not
	}
	return nil
}

// scalar takes an option with one value; false says that it is not understood.
func (c *collector) scalar(keyword, value string) bool {
	s := c.s
	ok := true
	switch keyword {
	case "hostname":
		s.address = value
	case "port":
		n, err := strconv.ParseUint(value, 10, 16)
		s.port, ok = value, err == nil && n > 0
	case "user":
		s.user, ok = value, !strings.ContainsAny(value, "%$")
	case "identitiesonly":
		s.identitiesOnly, ok = flag(value)
	case "identityagent":
		s.agent, ok = value, !strings.HasPrefix(value, "$")
	case "hostkeyalias":
		s.hostKeyAlias = value
	case "hashknownhosts":
		s.hashed, ok = flag(value)
	case "stricthostkeychecking":
		// What would be asked is refused: nobody is there to answer.
		s.strict = map[string]string{"yes": "yes", "ask": "yes", "accept-new": "accept-new", "no": "no", "off": "no"}[strings.ToLower(value)]
		ok = s.strict != ""
	case "addressfamily":
		s.network = map[string]string{"any": "tcp", "inet": "tcp4", "inet6": "tcp6"}[strings.ToLower(value)]
		ok = s.network != ""
	case "connecttimeout":
		s.timeout, ok = seconds(value)
	case "serveraliveinterval":
		s.alive, ok = seconds(value)
	case "serveralivecountmax":
		n, err := strconv.ParseUint(value, 10, 16)
		s.aliveCount, ok = int(n), err == nil
	default:
		return false
	}
	return ok
}

func flag(value string) (on, ok bool) {
	switch strings.ToLower(value) {
	case "yes", "true":
		return true, true
	case "no", "false":
		return false, true
	}
	return false, false
}

// seconds reads a time as ssh does: a number of seconds, or with units as 1m30s.
func seconds(value string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	d, err := time.ParseDuration(strings.ToLower(value))
	return d, err == nil && d >= 0
}
