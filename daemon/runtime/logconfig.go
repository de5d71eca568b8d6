//go:build linux

package runtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// LogConfig says where a container's output goes.
type LogConfig struct {
	// Driver is "json-file" (also ""), "none", "syslog" or "journald".
	Driver string
	// Options are the driver's, by the names of the API: json-file max-size and max-file; syslog syslog-address,
	// syslog-facility, syslog-format. labels, env, tag and the like are the caller's business, see Attrs and Tag.
	Options map[string]string
	// Path is the file of json-file; rotated files are Path.1, Path.2 …
	Path string
	// Tag is what syslog and journald show as the program's name; the short id when empty.
	Tag string
	// Attrs are what every json-file record carries, and more fields of journald.
	Attrs map[string]string
	// Name and Image are the container's, for journald.
	Name, Image string
}

// Check reports what is wrong with the driver or its options, errs.ErrInvalid.
func (l LogConfig) Check() error {
	var conf wire.Conf
	return l.fill(&conf, "")
}

// otherOptions are those of any driver that are not the runtime's business.
var otherOptions = []string{"labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size", "compress"}

// ownOptions are a driver's own.
var ownOptions = map[string][]string{
	"json-file": {"max-size", "max-file"},
	"syslog":    {"syslog-address", "syslog-facility", "syslog-format"},
	"journald":  {},
	"none":      {},
}

func (l LogConfig) fill(conf *wire.Conf, id string) error {
	conf.Driver = l.Driver
	if conf.Driver == "" {
		conf.Driver = "json-file"
	}
	own, ok := ownOptions[conf.Driver]
	if !ok {
		return fmt.Errorf("logger: no log driver named '%s' is registered: %w", l.Driver, errs.ErrInvalid)
	}
	for name := range l.Options {
		if conf.Driver != "none" && !slices.Contains(own, name) && !slices.Contains(otherOptions, name) {
			return fmt.Errorf("unknown log opt '%s' for %s log driver: %w", name, conf.Driver, errs.ErrInvalid)
		}
	}
	if conf.Tag = l.Tag; conf.Tag == "" {
		conf.Tag = short(id)
	}
	switch conf.Driver {
	case "json-file":
		return l.jsonFile(conf)
	case "syslog":
		return l.syslog(conf)
	case "journald":
		conf.Address = "/run/systemd/journal/socket"
		conf.Fields = string(l.journalFields(id, conf.Tag))
	}
	return nil
}

func (l LogConfig) jsonFile(conf *wire.Conf) error {
	conf.LogPath = l.Path
	if text := l.Options["max-size"]; text != "" && text != "-1" {
		size, err := units.FromHumanSize(text)
		if err != nil || size <= 0 {
			return fmt.Errorf("max-size %q: %w", text, errs.ErrInvalid)
		}
		conf.MaxSize = size
	}
	if text := l.Options["max-file"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("max-file cannot be less than 1, got %q: %w", text, errs.ErrInvalid)
		}
		conf.MaxFile = int64(n)
	}
	if len(l.Attrs) > 0 {
		attrs, err := json.Marshal(l.Attrs)
		if err != nil {
			return fmt.Errorf("log attributes: %w", err)
		}
		conf.Attrs = string(attrs)
	}
	return nil
}

// facilities are syslog's by name (RFC 5424, table 1).
var facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "", "", "", "",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

func (l LogConfig) syslog(conf *wire.Conf) error {
	conf.Facility = 3 // daemon
	if text := l.Options["syslog-facility"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = slices.Index(facilities, text)
		}
		if n < 0 || n > 23 {
			return fmt.Errorf("invalid syslog facility %q: %w", text, errs.ErrInvalid)
		}
		conf.Facility = int64(n)
	}
	switch format := l.Options["syslog-format"]; format {
	case "", "rfc3164", "rfc5424", "rfc5424micro":
		conf.Format = format
	default:
		return fmt.Errorf("invalid syslog format %q: %w", format, errs.ErrInvalid)
	}
	conf.Host, _ = os.Hostname()
	var err error
	conf.Address, err = syslogAddress(l.Options["syslog-address"])
	return err
}

// syslogAddress resolves an address, which the monitor cannot do.
func syslogAddress(text string) (string, error) {
	if text == "" {
		return "unixgram:/dev/log", nil
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return "", fmt.Errorf("syslog-address should be in form proto://address, got %q: %w", text, errs.ErrInvalid)
	}
	switch scheme {
	case "unix", "unixgram":
		return scheme + ":" + rest, nil
	case "udp", "tcp":
		if _, _, err := net.SplitHostPort(rest); err != nil {
			rest = net.JoinHostPort(strings.Trim(rest, "[]"), "514")
		}
		address, err := net.ResolveTCPAddr("tcp", rest) // host and port alike for both
		if err != nil || address.IP == nil {
			return "", fmt.Errorf("syslog-address %q: %w: %w", text, errs.ErrInvalid, err)
		}
		return scheme + ":" + address.String(), nil
	}
	return "", fmt.Errorf("syslog-address: unsupported scheme %q (have unix, unixgram, udp, tcp): %w", scheme, errs.ErrInvalid)
}

// journalFields are the constant fields of journald's native protocol.
func (l LogConfig) journalFields(id, tag string) []byte {
	fields := map[string]string{
		"CONTAINER_ID": short(id), "CONTAINER_ID_FULL": id, "CONTAINER_NAME": l.Name, "CONTAINER_TAG": tag,
		"IMAGE_NAME": l.Image, "SYSLOG_IDENTIFIER": tag,
	}
	for name, value := range l.Attrs {
		fields[journalName(name)] = value
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for _, name := range names {
		if name != "" {
			b = appendField(b, name, fields[name])
		}
	}
	return b
}

// appendField writes a field; one with line feeds has its length in front.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		return append(append(append(b, '='), value...), '\n')
	}
	b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(min(len(value), math.MaxInt32)))
	return append(append(b, value...), '\n')
}

// journalName makes a field's name of any: upper-case letters, digits, underscores, not beginning with one of the latter.
func journalName(name string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	return strings.TrimLeft(mapped, "_0123456789")
}

func short(id string) string { return id[:min(12, len(id))] }
