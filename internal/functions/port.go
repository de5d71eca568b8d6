package functions

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// portParts is one published port, with the names a ports block has.
var portParts = map[string]attr.Type{
	"internal": types.Int64Type, "external": types.Int64Type, "ip": types.StringType, "protocol": types.StringType,
}

// port is one port of a container and where it is published. external is 0 where the engine chooses.
type port struct {
	internal, external int64
	ip, protocol       string
}

func (p port) value() (attr.Value, error) {
	external, ip := types.Int64Null(), types.StringNull()
	if p.external != 0 {
		external = types.Int64Value(p.external)
	}
	if p.ip != "" {
		ip = types.StringValue(p.ip)
	}
	return object(portParts, map[string]attr.Value{
		"internal": types.Int64Value(p.internal), "external": external, "ip": ip, "protocol": types.StringValue(p.protocol),
	})
}

const portForm = "[[IP:]EXTERNAL:]INTERNAL[/PROTOCOL], such as 8080:80, 127.0.0.1:53:53/udp or [::1]::80"

func parsePort() Function {
	return Function{
		Name:    "parse_port",
		Summary: "Takes a published port, as docker run -p has it, apart.",
		Description: "Returns an object with the attributes of a `ports` block: `internal`, `external` and `ip` (null where none is given: the engine " +
			"chooses a port, on all addresses) and `protocol` (`tcp`, `udp` or `sctp`). Of a range use `parse_ports`.",
		Parameters: []Parameter{{Name: "port", Description: "`" + portForm + "`.", Type: types.StringType}},
		Result:     types.ObjectType{AttrTypes: portParts},
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			ports, err := portsOf(str(arguments[0]))
			if err != nil {
				return nil, at(0, err)
			}
			if len(ports) != 1 {
				return nil, wrong(0, "found %q, a range of %d ports, want one: parse_ports gives a list", str(arguments[0]), len(ports))
			}
			return ports[0].value()
		},
	}
}

func parsePorts() Function {
	item := types.ObjectType{AttrTypes: portParts}
	return Function{
		Name:    "parse_ports",
		Summary: "Takes a range of published ports, as docker run -p has it, apart.",
		Description: "Returns a list of objects as `parse_port` gives them, one for each port of the range: for a `dynamic \"ports\"` block. " +
			"`8000-8002:80-82/tcp` are three; the two ranges are of one length.",
		Parameters: []Parameter{{Name: "ports", Description: "`[[IP:]EXTERNAL[-LAST]:]INTERNAL[-LAST][/PROTOCOL]`.", Type: types.StringType}},
		Result:     types.ListType{ElemType: item},
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			ports, err := portsOf(str(arguments[0]))
			if err != nil {
				return nil, at(0, err)
			}
			values := make([]attr.Value, len(ports))
			for i, p := range ports {
				if values[i], err = p.value(); err != nil {
					return nil, err
				}
			}
			list, diags := types.ListValue(item, values)
			if diags.HasError() {
				return nil, fmt.Errorf("%s: %s", diags[0].Summary(), diags[0].Detail())
			}
			return list, nil
		},
	}
}

func buildPort() Function {
	return Function{
		Name:        "build_port",
		Summary:     "Puts a published port together, as docker run -p has it.",
		Description: "The inverse of `parse_port`: `127.0.0.1:8080:80/tcp`.",
		Parameters: []Parameter{
			{Name: "internal", Description: "Port in the container, 1 to 65535.", Type: types.Int64Type},
			{Name: "external", Description: "Port of the host, 1 to 65535; null where the engine chooses.", Type: types.Int64Type, Nullable: true},
			{Name: "ip", Description: "Address of the host; null for all.", Type: types.StringType, Nullable: true},
			{Name: "protocol", Description: "`tcp`, `udp` or `sctp`; null for `tcp`.", Type: types.StringType, Nullable: true},
		},
		Result: types.StringType,
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			var numbers [2]string
			for i := range numbers {
				n, ok := arguments[i].(types.Int64)
				if !ok || n.IsNull() {
					continue
				}
				if n.ValueInt64() < 1 || n.ValueInt64() > 65535 {
					return nil, wrong(i, "found port %d, want 1 to 65535", n.ValueInt64())
				}
				numbers[i] = strconv.FormatInt(n.ValueInt64(), 10)
			}
			internal, external := numbers[0], numbers[1]
			ip := str(arguments[2])
			if ip != "" {
				addr, err := netip.ParseAddr(ip)
				if err != nil {
					return nil, wrong(2, "found %q, want an IP address such as 127.0.0.1 or ::1", ip)
				}
				if ip = addr.String(); addr.Is6() {
					ip = "[" + ip + "]"
				}
			}
			protocol, err := protocolOf(str(arguments[3]))
			if err != nil {
				return nil, at(3, err)
			}
			text := internal + "/" + protocol
			switch {
			case ip != "":
				text = ip + ":" + external + ":" + text
			case external != "":
				text = external + ":" + text
			}
			return types.StringValue(text), nil
		},
	}
}

// portsOf reads the ports of one text.
func portsOf(text string) ([]port, error) {
	rest, protocol, _ := strings.Cut(text, "/")
	protocol, err := protocolOf(protocol)
	if err != nil {
		return nil, err
	}
	ip, rest, err := addressOf(text, rest)
	if err != nil {
		return nil, err
	}
	external, internal, published := strings.Cut(rest, ":")
	if !published {
		external, internal = "", rest
	}
	first, last, err := rangeOf(text, internal)
	if err != nil {
		return nil, err
	}
	var from int64
	if external != "" {
		var to int64
		if from, to, err = rangeOf(text, external); err != nil {
			return nil, err
		}
		if to-from != last-first {
			return nil, fmt.Errorf("found %q: %d ports of the host for %d of the container, want as many", text, to-from+1, last-first+1)
		}
	}
	ports := make([]port, 0, last-first+1)
	for n := range last - first + 1 {
		p := port{internal: first + n, ip: ip, protocol: protocol}
		if external != "" {
			p.external = from + n
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// addressOf cuts the address off the front of rest.
func addressOf(text, rest string) (ip, ports string, err error) {
	if inside, ok := strings.CutPrefix(rest, "["); ok {
		closed := false
		if ip, rest, closed = strings.Cut(inside, "]:"); !closed {
			return "", "", fmt.Errorf("found %q: an address in brackets is not closed, want %s", text, portForm)
		}
	} else if strings.Count(rest, ":") == 2 {
		ip, rest, _ = strings.Cut(rest, ":")
	} else {
		return "", rest, nil
	}
	if ip == "" && strings.Contains(rest, ":") {
		return "", rest, nil // "::80" and ":8080:80": all addresses
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "", "", fmt.Errorf("found %q: %q is no IP address, want %s", text, ip, portForm)
	}
	return addr.String(), rest, nil
}

func rangeOf(text, numbers string) (first, last int64, err error) {
	from, to, ranged := strings.Cut(numbers, "-")
	if !ranged {
		to = from
	}
	if first, err = number(text, from); err != nil {
		return 0, 0, err
	}
	if last, err = number(text, to); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("found %q: the range %s ends before it begins", text, numbers)
	}
	return first, last, nil
}

func number(text, digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("found %q: %q is no port from 1 to 65535, want %s", text, digits, portForm)
	}
	return int64(n), nil
}

// protocolOf is the protocol a text names; tcp where it names none.
func protocolOf(text string) (string, error) {
	switch lower := strings.ToLower(text); lower {
	case "":
		return "tcp", nil
	case "tcp", "udp", "sctp":
		return lower, nil
	}
	return "", fmt.Errorf("found protocol %q, want tcp, udp or sctp", text)
}
