package container

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/internal/secretenv"
	"github.com/cleat-dev/cleat/resources/contract"
)

// flatten returns the model of an inspected container.
func flatten(o observation, last Model) Model {
	m := Model{
		ID: types.StringValue(o.ID), Name: types.StringValue(strings.TrimPrefix(o.Name, "/")),
		Image: last.Image, ImageID: types.StringValue(imageID(o.Image)), Bridge: types.StringValue(""),
		ContainerLogs: known(last.ContainerLogs), UploadHash: followString(types.StringNull(), o.Config.Labels[uploadLabel], nil), Platform: known(last.Platform),
		DestroyGraceSeconds: last.DestroyGraceSeconds, Uploads: last.Uploads, Timeouts: last.Timeouts, WaitFor: last.WaitFor,
		Attach: orBool(last.Attach, false), Logs: orBool(last.Logs, false), Wait: orBool(last.Wait, false),
		RemoveVolumes: orBool(last.RemoveVolumes, true),
		WaitTimeout:   orInt(last.WaitTimeout, 60), ReadTimeout: orInt(last.ReadTimeout, 15000),
	}
	if key := o.Config.Labels[handOverLabel]; key != o.image.Labels[handOverLabel] {
		m.HandOverKey = types.StringValue(key)
	}
	if !given(m.Image) || !o.asDeclared && !sameImage(o.Config.Image, m.Image.ValueString()) {
		m.Image = types.StringValue(o.Config.Image)
	}
	if strings.TrimPrefix(last.Name.ValueString(), "/") == m.Name.ValueString() && given(last.Name) {
		m.Name = last.Name
	}
	flattenState(o, last, &m)
	flattenProcess(o, last, &m)
	flattenLimits(o, last, &m)
	flattenHost(o, last, &m)
	flattenStorage(o, last, &m)
	flattenNetworks(o, last, &m)
	return m
}

func known(s types.String) types.String {
	if s.IsUnknown() {
		return types.StringNull()
	}
	return s
}

func orBool(last types.Bool, standard bool) types.Bool {
	if given(last) {
		return last
	}
	return types.BoolValue(standard)
}

func orInt(last types.Int64, standard int64) types.Int64 {
	if given(last) {
		return last
	}
	return types.Int64Value(standard)
}

// flattenState says whether the container is as start and must_run want it. A container is up when its processes run;
// one that exited was started once, so it only counts as not started when that is what was declared.
func flattenState(o observation, last Model, m *Model) {
	s := o.State
	running := s.Running || s.Paused || s.Restarting
	up := (s.Running || s.Restarting) && !s.Paused
	began := s.StartedAt != "" && !strings.HasPrefix(s.StartedAt, "0001-")
	m.Rm = types.BoolValue(o.HostConfig.AutoRemove)
	switch {
	case running:
		m.Start = types.BoolValue(true)
	case s.Status == container.StateCreated:
		m.Start = types.BoolValue(false)
	default:
		m.Start = orBool(last.Start, true)
	}
	m.MustRun = types.BoolValue(up)
	switch {
	case given(last.MustRun) && !last.MustRun.ValueBool():
		m.MustRun = types.BoolValue(false)
	case !m.Start.ValueBool():
		m.MustRun = orBool(last.MustRun, true) // it is start that differs, or nothing does
	}
	if running || !began {
		m.ExitCode = types.Int64Null()
	} else {
		m.ExitCode = types.Int64Value(int64(s.ExitCode))
	}
}

func flattenProcess(o observation, last Model, m *Model) {
	c, image := o.Config, o.image
	m.Domainname = followString(last.Domainname, c.Domainname, o.unreported)
	m.TTY, m.StdinOpen = types.BoolValue(c.Tty), types.BoolValue(c.OpenStdin)
	m.User = followString(last.User, c.User, nil, image.User)
	m.WorkingDir = followString(last.WorkingDir, c.WorkingDir, nil, image.WorkingDir, "/")
	signal := image.StopSignal
	if signal == "" {
		signal = "SIGTERM"
	}
	m.StopSignal = followString(last.StopSignal, c.StopSignal, sameSignal, signal, signalNumber(signal))
	m.Hostname = flattenHostname(o, last.Hostname)
	m.EnvWOVersion = secretVersion(last.EnvWOVersion, c.Labels, image.Labels)
	m.Env = followSet(last.Env, secretenv.Open(c.Env, c.Labels), nil, o.engineEnv()...)
	m.Labels = flattenLabels(last.Labels, c.Labels, image.Labels)
	m.Healthcheck = flattenHealthcheck(o, last.Healthcheck)

	entrypoint := c.Entrypoint
	if len(entrypoint) == 0 && (len(image.Entrypoint) > 0 || slices.Equal(ordered(last.Entrypoint), []string{""})) {
		entrypoint = []string{""} // the way to take the image's away
	}
	m.Entrypoint = followList(last.Entrypoint, entrypoint, image.Entrypoint)
	command := image.Cmd
	if !slices.Equal(c.Entrypoint, image.Entrypoint) {
		command = nil // an entrypoint of one's own takes the image's command away
	}
	m.Command = followList(last.Command, c.Cmd, command)

	m.StopTimeout = types.Int64Null()
	if c.StopTimeout != nil && (!o.podman || *c.StopTimeout != 0 || given(last.StopTimeout) && last.StopTimeout.ValueInt64() == 0) {
		m.StopTimeout = types.Int64Value(int64(*c.StopTimeout))
	}
	m.Init = types.BoolNull()
	if o.HostConfig.Init != nil {
		m.Init = types.BoolValue(*o.HostConfig.Init)
	} else if o.podman && given(last.Init) && !last.Init.ValueBool() { // it says nothing of false
		m.Init = last.Init
	}
}

// flattenHostname leaves out the name an engine gives: the short id, or that of whose network it shares.
func flattenHostname(o observation, last types.String) types.String {
	mode := o.HostConfig.NetworkMode
	if !given(last) && (mode.IsHost() || mode.IsContainer()) {
		return types.StringNull()
	}
	return followString(last, o.Config.Hostname, nil, o.ID[:min(12, len(o.ID))])
}

// engineEnv are the entries of the environment nobody declared.
func (o observation) engineEnv() []string {
	entries := slices.Clone(o.image.Env)
	if !o.podman {
		return entries
	}
	declares := func(name string) bool {
		return slices.ContainsFunc(o.image.Env, func(e string) bool { return strings.HasPrefix(e, name) })
	}
	for _, entry := range o.Config.Env {
		for _, name := range []string{"container=", "HOME=", "HOSTNAME=", "TERM=", "PATH="} {
			if strings.HasPrefix(entry, name) && !declares(name) {
				entries = append(entries, entry)
			}
		}
	}
	return entries
}

// flattenLabels leaves out those of the image.
func flattenLabels(last contract.Blocks[Label], have, image map[string]string) contract.Blocks[Label] {
	declared := expandLabels(last)
	var out contract.Blocks[Label]
	for _, key := range slices.Sorted(maps.Keys(have)) {
		_, isDeclared := declared[key]
		if key == uploadLabel || key == handOverLabel || key == secretenv.NamesLabel || key == secretenv.VersionLabel {
			continue
		}
		if inherited, ok := image[key]; ok && inherited == have[key] && !isDeclared {
			continue
		}
		out.Items = append(out.Items, Label{Label: types.StringValue(key), Value: types.StringValue(have[key])})
	}
	return out
}

// healthDefaults is what engines use where nothing is said; podman writes it down.
var healthDefaults = container.HealthConfig{Interval: 30 * time.Second, Timeout: 30 * time.Second, Retries: 3}

func flattenHealthcheck(o observation, last contract.Blocks[Healthcheck]) contract.Blocks[Healthcheck] {
	have, image := o.Config.Healthcheck, o.image.Healthcheck
	if was, declared := last.One(); have == nil && o.podman && declared && !given(was.Test) {
		return last // without a test podman keeps none of it
	}
	if have == nil {
		return contract.Blocks[Healthcheck]{}
	}
	if image == nil {
		image = &container.HealthConfig{}
	}
	was, declared := last.One()
	if o.podman && !declared && o.image.Healthcheck == nil {
		return contract.Blocks[Healthcheck]{} // podman does not report that of the image: this is most likely it
	}
	h := Healthcheck{
		Test:          followList(was.Test, have.Test, image.Test),
		Interval:      o.followDuration(was.Interval, have.Interval, image.Interval, healthDefaults.Interval),
		Timeout:       o.followDuration(was.Timeout, have.Timeout, image.Timeout, healthDefaults.Timeout),
		StartPeriod:   o.followDuration(was.StartPeriod, have.StartPeriod, image.StartPeriod, 0),
		StartInterval: o.followDuration(was.StartInterval, have.StartInterval, image.StartInterval, 0),
		Retries:       types.Int64Value(int64(have.Retries)),
	}
	if !(given(was.Retries) && was.Retries.ValueInt64() == int64(have.Retries)) &&
		(have.Retries == image.Retries || o.podman && have.Retries == healthDefaults.Retries) {
		h.Retries = types.Int64Value(0)
	}
	zero := func(d types.String) bool { return d.ValueString() == "0s" }
	if !declared && !given(h.Test) && zero(h.Interval) && zero(h.Timeout) && zero(h.StartPeriod) && zero(h.StartInterval) && h.Retries.ValueInt64() == 0 {
		return contract.Blocks[Healthcheck]{}
	}
	return contract.BlocksOf(h)
}

// followDuration is "0s" for what the image or the engine has.
func (o observation) followDuration(last types.String, have, image, standard time.Duration) types.String {
	inherited := have == image || o.podman && have == standard
	if d, err := time.ParseDuration(last.ValueString()); given(last) && err == nil && (d == have || d == 0 && inherited) {
		return last
	}
	if inherited {
		return types.StringValue("0s")
	}
	return types.StringValue(have.String())
}

// signalNumbers are those of Linux on all but a few architectures.
var signalNumbers = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11,
	"USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21,
	"TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "PWR": 30, "SYS": 31,
}

// signalNumber is a signal as a number, "" when it is none.
func signalNumber(s string) string {
	if n, ok := signalNumbers[strings.TrimPrefix(strings.ToUpper(s), "SIG")]; ok {
		return strconv.Itoa(n)
	}
	if _, err := strconv.Atoi(s); err == nil {
		return s
	}
	return ""
}

func sameSignal(last, have string) bool {
	n := signalNumber(last)
	return n != "" && n == signalNumber(have)
}
