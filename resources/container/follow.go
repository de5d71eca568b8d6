package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// tell reports what was found out of a condition, unless nobody waits for it any more.
func (v *vigil) tell(ctx context.Context, r report) {
	select {
	case v.reports <- r:
	case <-ctx.Done():
	}
}

// readLog reads the container's output as it comes until a line matches, or the container ends.
func (v *vigil) readLog(ctx context.Context, c *condition, since string) {
	logs, err := v.e.ContainerLogs(ctx, v.m.ID.ValueString(), moby.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Since: since})
	if err != nil {
		v.tell(ctx, report{condition: c, err: fmt.Errorf("its output cannot be read: %w", err)})
		return
	}
	defer logs.Close()
	out, failed := &matcher{pattern: c.pattern}, &matcher{pattern: c.pattern}
	if v.m.TTY.ValueBool() {
		_, err = io.Copy(out, logs)
	} else {
		_, err = stdcopy.StdCopy(out, failed, logs)
	}
	v.tell(ctx, report{condition: c, held: errors.Is(err, errMatched) || out.ends() || failed.ends()})
}

// errMatched ends a copy to a [matcher].
var errMatched = errors.New("matched")

// longestLine is how much of a line is matched; a container may write without end.
const longestLine = 64 << 10

// matcher looks for a pattern in the lines written to it.
type matcher struct {
	pattern *regexp.Regexp
	line    []byte
}

func (m *matcher) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		m.line = append(m.line, part[:min(len(part), longestLine-len(m.line))]...)
		if !ended {
			break
		}
		if m.matches() {
			return len(p) - len(after), errMatched
		}
		rest, m.line = after, m.line[:0]
	}
	return len(p), nil
}

// matches reports whether the line so far matches.
func (m *matcher) matches() bool { return m.pattern.Match(bytes.TrimSuffix(m.line, []byte("\r"))) }

// ends reports whether what was written after the last line matches.
func (m *matcher) ends() bool { return len(m.line) > 0 && m.matches() }

const (
	// firstPause and longestPause bound the time between two attempts to connect.
	firstPause   = 25 * time.Millisecond
	longestPause = time.Second
	// dialTimeout bounds an attempt.
	dialTimeout = 2 * time.Second
	// proxyTimeout is how long a connection has to last to be one to the container: an engine's proxy for a published
	// port takes every connection, and closes it when the container takes none.
	proxyTimeout = 200 * time.Millisecond
)

// target is an address the port of a container may be reached at.
type target struct {
	address string
	// proxied: it is the engine that answers there.
	proxied bool
}

// tryPort tries to connect, with longer and longer pauses, until the container takes the connection.
func (v *vigil) tryPort(ctx context.Context, c *condition, is container.InspectResponse) {
	port := uint16(c.Port.ValueInt64())
	if is.HostConfig != nil && is.HostConfig.NetworkMode.IsContainer() {
		shared, err := v.e.ContainerInspect(ctx, is.HostConfig.NetworkMode.ConnectedContainer(), moby.ContainerInspectOptions{})
		if err != nil {
			v.tell(ctx, report{condition: c, err: fmt.Errorf("the container whose network it shares: %w", err)})
			return
		}
		is = shared.Container
	}
	host := ""
	if e, ok := v.e.(interface{ DaemonHost() string }); ok {
		host = e.DaemonHost()
	}
	targets := targetsOf(is, port, host)
	if len(targets) == 0 {
		v.tell(ctx, report{condition: c, err: &failure{
			fmt.Sprintf("as far as can be seen from here: the engine at %s is on another host and the container does not publish the port; publish it (ports), or wait for a log line", host), errs.ErrInvalid,
		}})
		return
	}
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		for _, t := range targets {
			if t.accepts(ctx) {
				v.tell(ctx, report{condition: c, held: true})
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// targetsOf are the addresses to try: the container's own where the engine is on this host, then those it is published
// at. A desktop's engine is on this host and its containers are not, so that the published ones are tried as well.
func targetsOf(is container.InspectResponse, port uint16, engine string) []target {
	number := strconv.Itoa(int(port))
	local, name := whereIs(engine)
	if is.HostConfig != nil && is.HostConfig.NetworkMode.IsHost() {
		return []target{{address: net.JoinHostPort(name, number)}}
	}
	if is.NetworkSettings == nil {
		return nil
	}
	var all []target
	for _, endpoint := range is.NetworkSettings.Networks {
		for _, ip := range []netip.Addr{endpoint.IPAddress, endpoint.GlobalIPv6Address} {
			if local && ip.IsValid() {
				all = append(all, target{address: net.JoinHostPort(ip.String(), number)})
			}
		}
	}
	inside, _ := network.PortFrom(port, network.TCP)
	for _, published := range is.NetworkSettings.Ports[inside] {
		at := name
		if ip := published.HostIP; local && ip.IsValid() && !ip.IsUnspecified() {
			at = ip.String()
		}
		all = append(all, target{address: net.JoinHostPort(at, published.HostPort), proxied: true})
	}
	return all
}

// whereIs says whether an engine is on this host, and by what name its host is reached.
func whereIs(engine string) (local bool, name string) {
	u, err := url.Parse(engine)
	if err != nil || u.Hostname() == "" || strings.HasPrefix(engine, "unix:") || strings.HasPrefix(engine, "npipe:") {
		return true, "127.0.0.1"
	}
	return false, u.Hostname()
}

// accepts reports whether there is somebody behind the address.
func (t target) accepts(ctx context.Context) bool {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if !t.proxied {
		return true
	}
	if err := conn.SetReadDeadline(time.Now().Add(proxyTimeout)); err != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var timedOut net.Error
	n, err := conn.Read(make([]byte, 1))
	return n > 0 || errors.As(err, &timedOut) && timedOut.Timeout()
}
