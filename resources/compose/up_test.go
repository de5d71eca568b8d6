package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// engine has containers and notes what is done to them.
type engine struct {
	API
	containers []container.Summary
	networks   []network.Summary
	images     map[string]string
	did        []string
}

func (e *engine) note(format string, args ...any) {
	e.did = append(e.did, fmt.Sprintf(format, args...))
}

func (e *engine) at(id string) int {
	return slices.IndexFunc(e.containers, func(c container.Summary) bool { return c.ID == id })
}

func (e *engine) ContainerList(context.Context, moby.ContainerListOptions) (moby.ContainerListResult, error) {
	return moby.ContainerListResult{Items: slices.Clone(e.containers)}, nil
}

func (e *engine) NetworkList(context.Context, moby.NetworkListOptions) (moby.NetworkListResult, error) {
	return moby.NetworkListResult{Items: e.networks}, nil
}

func (e *engine) ContainerInspect(_ context.Context, id string, _ moby.ContainerInspectOptions) (r moby.ContainerInspectResult, err error) {
	i := e.at(id)
	if i < 0 {
		return r, errs.Errorf(errs.ErrNotFound, "no container %s", id)
	}
	r.Container = container.InspectResponse{ID: id, Name: e.containers[i].Names[0], Config: &container.Config{Image: e.containers[i].Labels["test.image"]}}
	return r, nil
}

func (e *engine) ContainerStop(_ context.Context, id string, _ moby.ContainerStopOptions) (r moby.ContainerStopResult, err error) {
	e.note("stop %s", id)
	return r, nil
}

func (e *engine) ContainerStart(_ context.Context, id string, _ moby.ContainerStartOptions) (r moby.ContainerStartResult, err error) {
	e.note("start %s", id)
	return r, nil
}

func (e *engine) ContainerRemove(_ context.Context, id string, _ moby.ContainerRemoveOptions) (r moby.ContainerRemoveResult, err error) {
	e.note("remove %s", id)
	i := e.at(id)
	e.containers = slices.Delete(e.containers, i, i+1)
	return r, nil
}

func (e *engine) ContainerRename(_ context.Context, id string, o moby.ContainerRenameOptions) (r moby.ContainerRenameResult, err error) {
	e.note("rename %s %s", id, o.NewName)
	e.containers[e.at(id)].Names[0] = "/" + o.NewName
	return r, nil
}

func (e *engine) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	id, ok := e.images[strings.TrimSuffix(name, ":latest")]
	if !ok {
		return moby.ImageInspectResult{}, errs.Errorf(errs.ErrNotFound, "no image %s", name)
	}
	return moby.ImageInspectResult{InspectResponse: image.InspectResponse{ID: id}}, nil
}

// of is a container of a service of project p.
func of(id, name, service string, state container.ContainerState, labels ...string) container.Summary {
	c := container.Summary{ID: id, Names: []string{"/" + name}, State: state, Image: "app", ImageID: "sha256:1", Labels: map[string]string{
		labelProject: "p", labelService: service, labelNumber: name[len("p-"+service+"-") : len("p-"+service+"-")+1], labelHash: "hash",
	}}
	for i := 0; i+1 < len(labels); i += 2 {
		c.Labels[labels[i]] = labels[i+1]
	}
	return c
}

// TestSettleAside: what a replacement that was cut off left behind comes to one container.
func TestSettleAside(t *testing.T) {
	t.Parallel()
	old := of("old", "p-web-1.cleat-aside", "web", "exited")
	for name, test := range map[string]struct {
		successor []container.Summary
		want      []string
	}{
		"the new one runs":     {[]container.Summary{of("new", "p-web-1", "web", "running")}, []string{"remove old"}},
		"the new one does not": {[]container.Summary{of("new", "p-web-1", "web", "created")}, []string{"stop new", "remove new", "rename old p-web-1", "start old"}},
		"there is none":        {nil, []string{"rename old p-web-1", "start old"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aside := old
			aside.Names = slices.Clone(old.Names)
			e := &engine{containers: append(test.successor, aside)}
			u, err := newUp(t.Context(), e, &types.Project{Name: "p"}, Model{})
			if err != nil {
				t.Fatal(err)
			}
			if err := u.settleAside(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := u.removeLate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if u.found, err = look(t.Context(), e, "p"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, e.did); diff != "" {
				t.Errorf("did (-want +got):\n%s", diff)
			}
			if len(u.found.aside) != 0 || len(u.found.containers["web"]) != 1 {
				t.Errorf("found after it: %v aside, %v", u.found.aside, u.found.containers)
			}
		})
	}
}

// TestServices: what the containers of a service come to.
func TestServices(t *testing.T) {
	t.Parallel()
	ended := of("a", "p-job-1", "job", "exited", labelMayEnd, "true")
	ended.Status = "Exited (0) 2 hours ago"
	failed := of("a", "p-job-1", "job", "exited", labelMayEnd, "true")
	failed.Status = "Exited (1) 2 hours ago"
	stopped := of("a", "p-job-1", "job", "exited")
	stopped.Status = "Exited (0) 2 hours ago"
	moved := of("a", "p-job-1", "job", "running")
	moved.ImageID = "sha256:2"
	byID := moved
	byID.Image = "sha256:" + strings.Repeat("2", 64)
	byID.Labels = map[string]string{labelProject: "p", labelService: "job", labelNumber: "1", labelHash: "hash", "test.image": "app"}
	byItself := of("a", "p-job-1", "job", "running", "test.image", "sha256:"+strings.Repeat("2", 64))
	byItself.Image = "sha256:" + strings.Repeat("2", 64)
	for name, test := range map[string]struct {
		containers []container.Summary
		want       string
	}{
		"runs":                      {[]container.Summary{of("a", "p-job-1", "job", "running")}, "hash"},
		"two":                       {[]container.Summary{of("b", "p-job-2", "job", "running"), of("a", "p-job-1", "job", "running")}, "hash x2"},
		"was to end":                {[]container.Summary{ended}, "hash"},
		"was to end well":           {[]container.Summary{failed}, "hash (p-job-1 is exited)"},
		"was stopped":               {[]container.Summary{stopped}, "hash (p-job-1 is exited)"},
		"paused":                    {[]container.Summary{of("a", "p-job-1", "job", "paused")}, "hash (p-job-1 is paused)"},
		"of two definitions":        {[]container.Summary{of("a", "p-job-1", "job", "running"), of("b", "p-job-2", "job", "running", labelHash, "other")}, "other x2 (p-job-2 is of another definition)"},
		"content":                   {[]container.Summary{of("a", "p-job-1", "job", "running", labelContent, "c")}, "hash+c"},
		"image moved":               {[]container.Summary{moved}, "hash (p-job-1 is not of the image its name stands for)"},
		"image moved, listed by id": {[]container.Summary{byID}, "hash (p-job-1 is not of the image its name stands for)"},
		"image given by id":         {[]container.Summary{byItself}, "hash"},
		"of docker compose run":     {[]container.Summary{of("a", "p-job-1", "job", "running", labelOneoff, "True")}, ""},
		"aside":                     {[]container.Summary{of("a", "p-job-1.cleat-aside", "job", "running")}, ""},
		"of another project":        {[]container.Summary{of("a", "p-job-1", "job", "running", labelProject, "pp")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &engine{containers: test.containers, images: map[string]string{"app": "sha256:1"}}
			found, err := look(t.Context(), e, "p")
			if err != nil {
				t.Fatal(err)
			}
			services, err := found.services(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if services["job"] != test.want {
				t.Errorf("%q, want %q", services["job"], test.want)
			}
		})
	}
}

// TestNetworkWithoutHash: a network that an older docker compose made, which left no hash, is planned as it is and stays. Any
// call that changes something is one this engine has not.
func TestNetworkWithoutHash(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte("services: {web: {image: app}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &engine{networks: []network.Summary{{Network: network.Network{ID: "n", Name: "p_default", Labels: map[string]string{labelProject: "p", labelNetwork: "default"}}}}}
	m := Model{ConfigPaths: list([]string{file}), ProjectName: tftypes.StringValue("p")}
	if err := (Type{}).Resolve(t.Context(), e, &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"default": ""}, texts(m.Networks)); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	u, err := prepare(t.Context(), e, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.bringNetworks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !u.foreignNetworks() {
		t.Error("a create takes the network for one that has the hash")
	}
}

// TestWaves: nothing is removed before what needs it, and everything is.
func TestWaves(t *testing.T) {
	t.Parallel()
	all := []container.Summary{
		of("db", "p-db-1", "db", "running"), of("web1", "p-web-1", "web", "running", labelDependsOn, "db:service_healthy:false,job:service_started:true"),
		of("web2", "p-web-2", "web", "running", labelDependsOn, "db:service_healthy:false"), of("job", "p-job-1", "job", "exited", labelDependsOn, "db:service_started:false"),
		of("x", "p-x-1", "x", "running", labelDependsOn, "y:service_started:false"), of("y", "p-y-1", "y", "running", labelDependsOn, "x:service_started:false"),
	}
	var got []string
	for _, wave := range waves(all) {
		var ids []string
		for _, c := range wave {
			ids = append(ids, c.ID)
		}
		got = append(got, strings.Join(ids, " "))
	}
	if diff := cmp.Diff([]string{"web1 web2", "job", "db", "x y"}, got); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}

// TestConditions: what is waited for, and what will never come.
func TestConditions(t *testing.T) {
	t.Parallel()
	running := func(health container.HealthStatus) container.InspectResponse {
		s := &container.State{Running: true, Status: "running"}
		if health != "" {
			s.Health = &container.Health{Status: health}
		}
		return container.InspectResponse{State: s}
	}
	exited := func(code int) container.InspectResponse {
		return container.InspectResponse{State: &container.State{Status: "exited", ExitCode: code}}
	}
	for name, test := range map[string]struct {
		until   condition
		c       container.InspectResponse
		event   bool
		done    bool
		because string
	}{
		"up":                 {until: isUp, c: running(""), done: true},
		"up, starting":       {until: isUp, c: running("starting")},
		"up, told":           {until: isUp, c: running("starting"), event: true, done: true},
		"up, ended":          {until: isUp, c: exited(0), because: "code 0"},
		"up or done":         {until: isUpOrDone, c: exited(0), done: true},
		"up or failed":       {until: isUpOrDone, c: exited(3), because: "code 3"},
		"healthy":            {until: isHealthy, c: running("healthy"), done: true},
		"healthy, unhealthy": {until: isHealthy, c: running("unhealthy"), because: "unhealthy"},
		"healthy, no check":  {until: isHealthy, c: running(""), because: "no health check"},
		"completed":          {until: isCompleted, c: exited(0), done: true},
		"completed, runs":    {until: isCompleted, c: running("")},
		"completed, failed":  {until: isCompleted, c: exited(2), because: "code 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, err := test.until(test.c, test.event)
			if done != test.done || (err != nil) != (test.because != "") || err != nil && !strings.Contains(err.Error(), test.because) {
				t.Errorf("%v, %v, want %v, %q", done, err, test.done, test.because)
			}
		})
	}
}
