package imageconfig_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
)

// world is a configuration with something of everything.
func world() dockerspec.DockerOCIImageConfig {
	var c dockerspec.DockerOCIImageConfig
	c.Env, c.WorkingDir, c.Cmd = []string{"A=1"}, "/srv", []string{"serve"}
	c.Labels, c.Volumes, c.ExposedPorts = map[string]string{"a": "x"}, map[string]struct{}{"/old": {}}, map[string]struct{}{"22/tcp": {}}
	c.OnBuild = append(make([]string, 0, 8), "RUN first")
	return c
}

func TestChange(t *testing.T) {
	t.Parallel()
	from := world()
	got, err := imageconfig.Change(from, []string{
		"CMD echo hi", `ENTRYPOINT ["/init"]`, "ENV B=$A/x A=2", "EXPOSE 80 8080:53/udp 9000-9001", "LABEL a=b c=d", "USER app", "VOLUME /data",
		"WORKDIR sub", "STOPSIGNAL SIGINT", "ONBUILD RUN x", "HEALTHCHECK CMD true",
	})
	if err != nil {
		t.Fatal(err)
	}
	var want dockerspec.DockerOCIImageConfig
	want.Env, want.WorkingDir, want.User, want.StopSignal = []string{"A=2", "B=1/x"}, "/srv/sub", "app", "SIGINT"
	want.Cmd, want.Entrypoint = []string{"/bin/sh", "-c", "echo hi"}, []string{"/init"}
	want.ExposedPorts = map[string]struct{}{"22/tcp": {}, "80/tcp": {}, "53/udp": {}, "9000/tcp": {}, "9001/tcp": {}}
	want.Labels, want.Volumes = map[string]string{"a": "b", "c": "d"}, map[string]struct{}{"/old": {}, "/data": {}}
	want.OnBuild, want.Healthcheck = []string{"RUN first", "RUN x"}, &dockerspec.HealthcheckConfig{Test: []string{"CMD-SHELL", "true"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(world(), from); diff != "" || cap(from.OnBuild) > 1 && from.OnBuild[:2][1] != "" {
		t.Errorf("what it was made of has changed (-was +is):\n%s", diff)
	}
}

// An entrypoint of its own has nothing to do with the command it finds, but with one that was given with it.
func TestEntrypoint(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes []string
		cmd     []string
	}{
		"the command is dropped":        {[]string{`ENTRYPOINT ["/init"]`}, nil},
		"one given before stays":        {[]string{`CMD ["a"]`, `ENTRYPOINT ["/init"]`}, []string{"a"}},
		"one given afterwards counts":   {[]string{`ENTRYPOINT ["/init"]`, `CMD ["b"]`}, []string{"b"}},
		"an empty one is none":          {[]string{`CMD []`, `ENTRYPOINT ["/init"]`}, nil},
		"without one the command stays": {[]string{"USER x"}, []string{"serve"}},
	} {
		got, err := imageconfig.Change(world(), test.changes)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.cmd, got.Cmd); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBadChange(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"RUN true", "FROM x", "COPY a b", "SHELL [\"x\"]", "EXPOSE x", "STOPSIGNAL NONE", "nonsense", `VOLUME [""]`, "WORKDIR", "ENV", "LABEL ${x", "",
	} {
		if _, err := imageconfig.Change(world(), []string{bad}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	in := world()
	if diff := cmp.Diff(in, imageconfig.FromContainer(imageconfig.ToContainer(in))); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	in.ExposedPorts = map[string]struct{}{"80-81": {}, "what": {}}
	var ports []string
	for port := range imageconfig.ToContainer(in).ExposedPorts {
		ports = append(ports, port.String())
	}
	if len(ports) != 2 {
		t.Errorf("a range and nonsense: %v", ports)
	}
	if diff := cmp.Diff(dockerspec.DockerOCIImageConfig{}, imageconfig.FromContainer(&container.Config{})); diff != "" {
		t.Errorf("nothing (-want +got):\n%s", diff)
	}
}

func FuzzChange(f *testing.F) {
	f.Add("ENV A=$B\nCMD echo $A")
	f.Add("EXPOSE ${A:-80}-90/udp")
	f.Add("HEALTHCHECK --interval=1s CMD [\"x\"]\nONBUILD RUN y")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := imageconfig.Change(world(), []string{text}); err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
