package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// TestCreateCalls: nothing is asked that is not needed, and a container is complete before it starts.
func TestCreateCalls(t *testing.T) {
	t.Parallel()
	networks := func(m *Model) {
		m.Networks = contract.BlocksOf(Network{Name: str("n1")}, Network{Name: str("n2"), Aliases: setOf("a")})
	}
	upload := func(m *Model) {
		m.Uploads = contract.BlocksOf(Upload{File: str("/etc/b"), ContentBase64: str("aGk="), Executable: yes(true)}, Upload{File: str("/etc/a"), Content: str("x"), Permissions: str("0600")})
	}
	for name, c := range map[string]struct {
		f       func(*Model)
		version string
		calls   []string
	}{
		"plain":            {nil, "1.41", []string{"create web", "start"}},
		"not started":      {func(m *Model) { m.Start = yes(false) }, "1.41", []string{"create web"}},
		"networks":         {networks, "1.41", []string{"create web", "connect n2 a", "start"}},
		"networks at once": {networks, "1.44", []string{"create web", "start"}},
		"upload":           {upload, "1.41", []string{"create web", "copy", "start"}},
		"attach":           {func(m *Model) { m.Attach, m.Logs = yes(true), yes(true) }, "1.41", []string{"create web", "attach", "wait next-exit", "start"}},
		"attach only":      {func(m *Model) { m.Attach = yes(true) }, "1.41", []string{"create web", "wait next-exit", "start"}},
		"wait":             {func(m *Model) { m.Wait = yes(true) }, "1.41", []string{"create web", "events", "start", "inspect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			e.version = c.version
			p := plan(t, e, object(t, declared(c.f)), host(t).Node().Null())
			e.calls = nil
			if _, err := host(t).Create(t.Context(), e, p.Planned); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if name == "upload" {
				if diff := cmp.Diff(map[string]string{"etc/a": "600 x", "etc/b": "744 hi"}, e.files); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func create(t *testing.T, e *engine, f func(*Model)) (types.Object, error) {
	t.Helper()
	p := plan(t, e, object(t, declared(f)), host(t).Node().Null())
	return host(t).Create(t.Context(), e, p.Planned)
}

// TestCreateErrors: errors name the attribute, keep the class, and say what to do; a container that exists is Partial.
func TestCreateErrors(t *testing.T) {
	t.Parallel()
	port := func(m *Model) {
		m.Ports = contract.BlocksOf(Port{Internal: num(443), External: num(8443)}, Port{Internal: num(80), External: num(8080)})
	}
	for name, c := range map[string]struct {
		f       func(*Model)
		call    string
		err     error
		path    string
		text    string
		class   error
		partial bool
	}{
		"image": {func(m *Model) { m.Image = str("sha256:" + strings.Repeat("0", 64)) }, "", nil, "image", "docker_image", errs.ErrNotFound, false},
		"name": {nil, "create", fmt.Errorf(`Conflict. The container name "/web" is already in use by container "%s". You have to remove: %w`, createdID, cerrdefs.ErrConflict),
			"name", "by container 0123456789ab: take it over", errs.ErrConflict, false},
		"name, podman": {nil, "create", fmt.Errorf(`the container name "web" is already in use by %s. You have to remove: %w`, createdID, cerrdefs.ErrConflict), // see client.misstatements
			"name", "cleat adopt", errs.ErrConflict, false},
		"port, dockerd": {port, "start", fmt.Errorf("driver failed programming external connectivity on endpoint web (251a): Bind for 0.0.0.0:8080 failed: port is already allocated: %w", cerrdefs.ErrInternal),
			"ports[1].external", "port 8080 of the host is in use", errs.ErrInternal, true},
		"port, other process": {port, "start", fmt.Errorf("listen tcp4 0.0.0.0:8443: bind: address already in use: %w", cerrdefs.ErrInternal),
			"ports[0].external", "port 8443 of the host is in use", errs.ErrInternal, true},
		"network":      {func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n1")}) }, "start", fmt.Errorf("network n1 not found: %w", cerrdefs.ErrNotFound), "networks_advanced", "n1", errs.ErrNotFound, true},
		"connect":      {func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n1")}, Network{Name: str("n2")}) }, "connect", cerrdefs.ErrNotFound, "networks_advanced", "n2", errs.ErrNotFound, true},
		"copy":         {func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Content: str("y")}) }, "copy", cerrdefs.ErrInvalidArgument, "", "upload", errs.ErrInvalid, true},
		"local file":   {func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Source: str("/does/not/exist")}) }, "", nil, "upload", "/does/not/exist", os.ErrNotExist, false},
		"start":        {nil, "start", cerrdefs.ErrInternal, "", `"web" did not start`, errs.ErrInternal, true},
		"unreachable":  {nil, "create", cerrdefs.ErrUnavailable, "", `"web"`, errs.ErrUnavailable, false},
		"bad timeouts": {func(m *Model) { m.Timeouts = contract.BlocksOf(Timeouts{Create: str("soon")}) }, "", nil, "timeouts.create", "soon", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			if c.call != "" {
				e.fail[c.call] = c.err
			}
			created, err := create(t, e, c.f)
			if err == nil || !strings.Contains(err.Error(), c.text) || c.class != nil && !errors.Is(err, c.class) {
				t.Fatalf("error: %v", err)
			}
			if path, _ := contract.PathOf(err); path != c.path && c.path != "" {
				t.Errorf("path %q", path)
			}
			var partial *contract.Partial
			if errors.As(err, &partial) != c.partial {
				t.Errorf("partial: %v", !c.partial)
			}
			if id := types.StringValue(createdID); c.partial && !created.Attributes()["id"].Equal(id) {
				t.Errorf("id: %v", created.Attributes()["id"])
			}
		})
	}
}

// TestWait follows events to the end of waiting.
func TestWait(t *testing.T) {
	t.Parallel()
	event := func(action events.Action, attributes map[string]string) events.Message {
		return events.Message{Action: action, Actor: events.Actor{Attributes: attributes}}
	}
	for name, c := range map[string]struct {
		event events.Message
		want  string
	}{
		"healthy":            {event("health_status: healthy", nil), ""},
		"healthy, podman":    {event("health_status", map[string]string{"health_status": "healthy"}), ""},
		"unhealthy":          {event("health_status: unhealthy", nil), "is unhealthy; its last output:\nlast words"},
		"unhealthy, podman":  {event("health_status", map[string]string{"health_status": "unhealthy"}), "is unhealthy"},
		"exit":               {event("die", map[string]string{"exitCode": "3"}), "exited with code 3; its last output:\nlast words"},
		"nothing until then": {event("exec_start", nil), "was not healthy after 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			e.output, e.events = "last words\n", make(chan events.Message, 1)
			starting := startingEngine{e}
			e.events <- c.event
			m := declared(func(m *Model) { m.ID, m.Wait, m.WaitTimeout, m.Restart = str(createdID), yes(true), num(1), str("no") })
			if _, err := create(t, e, nil); err != nil {
				t.Fatal(err)
			}
			e.c.State.Health = &container.Health{Status: container.Starting}
			err := start(t.Context(), starting, m)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error: %v", err)
			}
		})
	}
}

// startingEngine is an engine behind the interface, without its version.
type startingEngine struct{ API }

func TestWaitWithoutHealthcheck(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	if _, err := create(t, e, func(m *Model) { m.Wait = yes(true) }); err != nil {
		t.Error(err)
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	job := func(m *Model) { m.Attach, m.Logs, m.MustRun = yes(true), yes(true), yes(false) }
	e := newEngine(t, "docker")
	e.output, e.exit = "hello\n", 7
	created, err := create(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	if logs, code := created.Attributes()["container_logs"], created.Attributes()["exit_code"]; !logs.Equal(str("hello\n")) || !code.Equal(num(7)) {
		t.Errorf("logs %v, exit code %v", logs, code)
	}
	e = newEngine(t, "docker")
	e.output, e.exit = "hello\n", 7
	_, err = create(t, e, func(m *Model) { job(m); m.MustRun = yes(true) })
	var partial *contract.Partial
	if !errors.As(err, &partial) || !strings.Contains(err.Error(), "exited with code 7; its last output:\nhello") {
		t.Errorf("error: %v", err)
	}
}

// TestUploadSource: a changed local file replaces the container, and says so; an unchanged one does not.
func TestUploadSource(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "conf")
	write := func(s string) {
		if err := os.WriteFile(source, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	e := newEngine(t, "docker")
	config := object(t, declared(func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/conf"), Source: str(source)}) }))
	observed := apply(t, e, config)
	wantEmpty(t, "same file", plan(t, e, config, observed))
	if n := len(read(t, e, observed, observed).Attributes()["labels"].(types.Set).Elements()); n != 0 {
		t.Errorf("%d labels", n)
	}
	write("two")
	p := plan(t, e, config, observed)
	if len(p.Changes) != 1 || p.Changes[0].Path != "upload_hash" || p.Changes[0].Effect != contract.Replace || p.Changes[0].Reason == "" {
		t.Errorf("changes: %v", p.Changes)
	}
}
