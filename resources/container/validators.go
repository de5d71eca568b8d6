package container

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	slashpath "path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// stringCheck is a validator of one string: a name for what is expected and a function that refuses.
type stringCheck struct {
	want  string
	check func(string) error
}

func (c stringCheck) Description(context.Context) string         { return "value must be " + c.want }
func (c stringCheck) MarkdownDescription(context.Context) string { return "value must be " + c.want }

func (c stringCheck) ValidateString(_ context.Context, in validator.StringRequest, out *validator.StringResponse) {
	if in.ConfigValue.IsNull() || in.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(in.ConfigValue.ValueString()); err != nil {
		out.Diagnostics.AddAttributeError(in.Path, "Invalid value", fmt.Sprintf("%s: %q is not %s: %s.", named(in.Path), in.ConfigValue.ValueString(), c.want, err))
	}
}

// secretCheck is a stringCheck that does not show the value, which may be secret.
type secretCheck struct{ stringCheck }

func (c secretCheck) ValidateString(_ context.Context, in validator.StringRequest, out *validator.StringResponse) {
	if in.ConfigValue.IsNull() || in.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(in.ConfigValue.ValueString()); err != nil {
		out.Diagnostics.AddAttributeError(in.Path, "Invalid value", fmt.Sprintf("%s: a value is not %s: %s.", named(in.Path), c.want, err))
	}
}

// orEmpty takes "" too, which is what modules pass on for an attribute that is not given: it means the same as null.
func orEmpty(check validator.String) validator.String { return emptyOr{check} }

type emptyOr struct{ validator.String }

func (c emptyOr) ValidateString(ctx context.Context, in validator.StringRequest, out *validator.StringResponse) {
	if in.ConfigValue.ValueString() != "" || in.ConfigValue.IsUnknown() {
		c.String.ValidateString(ctx, in, out)
	}
}

// intCheck is the same of a number.
type intCheck struct {
	want  string
	check func(int64) error
}

func (c intCheck) Description(context.Context) string         { return "value must be " + c.want }
func (c intCheck) MarkdownDescription(context.Context) string { return "value must be " + c.want }

func (c intCheck) ValidateInt64(_ context.Context, in validator.Int64Request, out *validator.Int64Response) {
	if in.ConfigValue.IsNull() || in.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(in.ConfigValue.ValueInt64()); err != nil {
		out.Diagnostics.AddAttributeError(in.Path, "Invalid value", fmt.Sprintf("%s: %d is not %s: %s.", named(in.Path), in.ConfigValue.ValueInt64(), c.want, err))
	}
}

// named is the attribute at a path by the names in it, host.ip: Terraform has no place for an item of a set.
func named(p path.Path) string {
	var names []string
	for _, step := range p.Steps() {
		if name, ok := step.(path.PathStepAttributeName); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}

func pattern(want, expression, hint string) stringCheck {
	compiled := regexp.MustCompile(`\A(?:` + expression + `)\z`)
	return stringCheck{want, func(s string) error {
		if !compiled.MatchString(s) {
			return errors.New(hint)
		}
		return nil
	}}
}

var (
	containerName         = pattern("a container name", `/?[a-zA-Z0-9][a-zA-Z0-9_.-]+`, "two characters or more of [a-zA-Z0-9_.-], the first one a letter or digit")
	volumeName            = pattern("a volume name", `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, "characters of [a-zA-Z0-9_.-], the first one a letter or digit; a path goes to host_path")
	cpuList               = pattern("a list of CPUs", `(\d+(-\d+)?(,\d+(-\d+)?)*)?`, "numbers and ranges such as 0-2,4")
	devicePermissions     = pattern("a set of device permissions", `[rwm]{1,3}`, "letters r, w and m")
	octal                 = pattern("an octal number", `0?[0-7]{3,4}`, "three or four digits of 0-7, such as 0640")
	platformName          = pattern("a platform", `[a-zA-Z0-9]+(/[a-zA-Z0-9_]+){0,2}`, "os, os/arch or os/arch/variant")
	signalName            = pattern("a signal", `[A-Za-z0-9+-]+`, "a name such as SIGTERM, or a number")
	absolutePath          = stringCheck{"an absolute path", isAbsolute}
	absoluteOrWindowsPath = stringCheck{"an absolute path", func(s string) error {
		if regexp.MustCompile(`\A[a-zA-Z]:[\\/]`).MatchString(s) {
			return nil
		}
		return isAbsolute(s)
	}}
	environment    = secretCheck{stringCheck{"NAME=value", isEnvironment}}
	keyValue       = stringCheck{"key=value", isEnvironment}
	imageReference = stringCheck{"an image reference", isImage}
	capability     = stringCheck{"a capability", isCapability}
	ipAddress      = stringCheck{"an IP address", isAddress}
	macAddress     = stringCheck{"a MAC address", func(s string) error {
		if _, err := net.ParseMAC(s); err != nil {
			return errors.New("write it as 02:42:0a:00:00:05")
		}
		return nil
	}}
	hostAddress = stringCheck{"an IP address or host-gateway", func(s string) error {
		if s == hostGateway {
			return nil
		}
		return isAddress(s)
	}}
	base64Text = secretCheck{stringCheck{"base64", func(s string) error { _, err := base64.StdEncoding.DecodeString(s); return err }}}
	duration   = stringCheck{"a duration", func(s string) error { _, err := parseDuration(s); return err }}
	// waitDuration is one that leaves time to wait.
	waitDuration = stringCheck{"a duration", func(s string) error {
		if d, err := parseDuration(s); err != nil || d > 0 {
			return err
		}
		return errors.New("must be above 0")
	}}
	regularExpression = stringCheck{"a regular expression", func(s string) error { _, err := regexp.Compile(s); return err }}
	// The engine refuses less than a millisecond, most likely a number without unit.
	healthDuration = stringCheck{"a duration", func(s string) error {
		d, err := parseDuration(s)
		if err == nil && d != 0 && d < time.Millisecond {
			return errors.New("must be 0 or at least 1ms")
		}
		return err
	}}
	cpuCount    = stringCheck{"a number of CPUs", func(s string) error { _, err := nanoCPUs(s); return err }}
	gpuRequest  = stringCheck{"a request for GPUs", func(s string) error { _, err := parseGPUs(s); return err }}
	networkMode = stringCheck{"a network mode", func(s string) error { return isMode(s, true) }}
	ipcMode     = stringCheck{"an IPC mode", func(s string) error {
		return isMode(s, false, "none", "private", "shareable", "host")
	}}
	pidMode     = stringCheck{"a PID mode", func(s string) error { return isMode(s, false, "host") }}
	memoryLimit = intCheck{"a memory limit in MiB", func(n int64) error {
		if n != 0 && n < 6 {
			return errors.New("engines take 6 MiB or more, 0 for none")
		}
		return nil
	}}
)

func isAddress(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return errors.New("write it as 10.0.0.5 or fd00::5")
	}
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("numbers with units, such as 30s or 1m30s")
	}
	return d, nil
}

func isAbsolute(s string) error {
	if !slashpath.IsAbs(s) {
		return errors.New("it must begin with /")
	}
	return nil
}

func isEnvironment(s string) error {
	if name, _, found := strings.Cut(s, "="); !found || name == "" {
		return errors.New("there must be a name, then = and the value")
	}
	return nil
}

func isImage(s string) error {
	_, err := reference.ParseAnyReference(s)
	return err
}

// isMode takes the names given, container:NAME, and with any set the name of a network too.
func isMode(s string, any bool, names ...string) error {
	if container, ok := strings.CutPrefix(s, "container:"); ok {
		if container == "" {
			return errors.New("the name of a container is missing")
		}
		return nil
	}
	for _, name := range names {
		if s == name {
			return nil
		}
	}
	if any && s != "" && !strings.ContainsAny(s, " \t/") {
		return nil
	}
	return fmt.Errorf("container:NAME or one of %s", strings.Join(names, ", "))
}

// nanoCPUs returns a number of CPUs such as "1.5" in billionths.
func nanoCPUs(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > 9 {
		return 0, errors.New("no more than nine decimals")
	}
	n, err := strconv.ParseUint(whole+(fraction + "000000000")[:9], 10, 53)
	if err != nil {
		return 0, errors.New("a decimal number such as 0.5")
	}
	return int64(n), nil
}
