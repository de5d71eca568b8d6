package builds

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Routes returns the table.
func Routes(b Backend) []server.Route {
	h := handlers{b}
	return []server.Route{
		// A build takes longer than a daemon that is told to stop waits for calls: it is cancelled, and leaves nothing.
		{Method: "POST", Path: "/build", Handle: h.build, Endless: true, Doc: "Build image from a Dockerfile"},
		{Method: "POST", Path: "/build/prune", Since: version.Of(1, 31), Handle: h.prune},
	}
}

type handlers struct{ backend Backend }

// traitNoAux holds for clients that do not know of the aux message with the image's id, below 1.30.
const traitNoAux = "build-no-aux"

func (h handlers) build(w http.ResponseWriter, r *server.Request) error {
	o, err := options(r)
	if err != nil {
		return err
	}
	// Contexts may be large and clients slow: a build takes the time it takes, until its client leaves.
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}) // not every writer has them
	out := &answer{stream: server.Stream(w, r), quiet: o.SuppressOutput, noAux: r.Trait(traitNoAux)}
	body := io.Reader(r.Body)
	if r.Body == nil {
		body = http.NoBody
	}
	id, err := h.backend.Build(r.Context(), body, o, out.send)
	if err != nil {
		return out.fail(err)
	}
	if o.SuppressOutput {
		return out.stream.Send(stream.Message{Stream: id + "\n"}) //nolint:wrapcheck // the client is gone
	}
	return nil
}

// answer is the stream of a build.
type answer struct {
	stream       *server.MessageStream
	quiet, noAux bool
	held         []stream.Message // until it is known whether they are wanted
	begun        bool
}

func (a *answer) send(m stream.Message) error {
	if a.noAux && len(m.Aux) > 0 {
		return nil
	}
	if a.quiet {
		a.held = append(a.held, m)
		return nil
	}
	a.begun = true
	return a.stream.Send(m) //nolint:wrapcheck // the client is gone
}

// fail sends what was held back, and the code of a command; other errors are the server's to send.
func (a *answer) fail(err error) error {
	for _, m := range a.held {
		if err := a.stream.Send(m); err != nil {
			return err //nolint:wrapcheck // the client is gone
		}
		a.begun = true
	}
	var command interface{ ExitCode() int }
	if !a.begun || !errors.As(err, &command) {
		return err
	}
	return a.stream.Send(stream.Failure(&stream.Error{Code: command.ExitCode(), Message: err.Error()})) //nolint:wrapcheck // the client is gone
}

// options reads the query and the credentials.
func options(r *server.Request) (o client.ImageBuildOptions, err error) {
	q := r.Query()
	if v := q.Get("version"); v == string(build.BuilderBuildKit) || q.Get("session") != "" {
		return o, fmt.Errorf("BuildKit is not supported by this engine: unset DOCKER_BUILDKIT or set it to 0 for the classic builder: %w", errs.ErrInvalid)
	} else if v != "" && v != string(build.BuilderV1) {
		return o, fmt.Errorf("invalid version %q: %w", v, errs.ErrInvalid)
	}
	if q.Get("outputs") != "" && q.Get("outputs") != "null" && q.Get("outputs") != "[]" {
		return o, fmt.Errorf("custom outputs require BuildKit, which this engine does not have: %w", errs.ErrInvalid)
	}
	o = client.ImageBuildOptions{
		Tags: q["t"], Dockerfile: q.Get("dockerfile"), RemoteContext: q.Get("remote"), Target: q.Get("target"), NetworkMode: q.Get("networkmode"),
		ExtraHosts: q["extrahosts"], SecurityOpt: q["securityopt"], CPUSetCPUs: q.Get("cpusetcpus"), CPUSetMems: q.Get("cpusetmems"),
		CgroupParent: q.Get("cgroupparent"),
	}
	if err := switches(r, &o); err != nil {
		return o, err
	}
	if err := numbers(r, &o); err != nil {
		return o, err
	}
	if err := documents(r, &o); err != nil {
		return o, err
	}
	if err := platform(q.Get("platform"), &o); err != nil {
		return o, err
	}
	o.AuthConfigs = credentials(r.Header.Get("X-Registry-Config"))
	return o, nil
}

func switches(r *server.Request, o *client.ImageBuildOptions) error {
	o.Remove = true
	for name, to := range map[string]*bool{
		"q": &o.SuppressOutput, "nocache": &o.NoCache, "pull": &o.PullParent, "rm": &o.Remove, "forcerm": &o.ForceRemove, "squash": &o.Squash,
	} {
		var err error
		if *to, err = r.BoolOr(name, *to); err != nil {
			return err //nolint:wrapcheck // it names the parameter
		}
	}
	o.Remove = o.Remove || o.ForceRemove
	return nil
}

// numbers reads limits. What is no number is none, as engines have it, but for shmsize.
func numbers(r *server.Request, o *client.ImageBuildOptions) error {
	for name, to := range map[string]*int64{
		"memory": &o.Memory, "memswap": &o.MemorySwap, "cpushares": &o.CPUShares, "cpuperiod": &o.CPUPeriod, "cpuquota": &o.CPUQuota,
	} {
		if n, err := r.Int(name, 0); err == nil {
			*to = int64(n)
		}
	}
	n, err := r.Int("shmsize", 0)
	if err != nil {
		return err //nolint:wrapcheck // it names the parameter
	}
	o.ShmSize = int64(n)
	return nil
}

// documents reads the parameters that are JSON.
func documents(r *server.Request, o *client.ImageBuildOptions) error {
	for _, p := range []struct {
		name, what string
		to         any
	}{
		{"buildargs", "build args", &o.BuildArgs}, {"labels", "labels", &o.Labels}, {"cachefrom", "cache-from", &o.CacheFrom}, {"ulimits", "ulimit settings", &o.Ulimits},
	} {
		text := r.Query().Get(p.name)
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), p.to); err != nil {
			return fmt.Errorf("error reading %s: %w: %w", p.what, err, errs.ErrInvalid)
		}
	}
	for _, u := range o.Ulimits {
		if u == nil {
			return fmt.Errorf("error reading ulimit settings: null is no limit: %w", errs.ErrInvalid)
		}
	}
	return nil
}

// pruned is what there is to prune: nothing. The cache of the classic builder is images, and they are pruned as images.
type pruned struct {
	CachesDeleted  []string
	SpaceReclaimed uint64
}

func (h handlers) prune(w http.ResponseWriter, r *server.Request) error {
	if _, err := r.Filters(); err != nil {
		return err //nolint:wrapcheck // it names the parameter
	}
	return server.JSON(w, r, http.StatusOK, pruned{CachesDeleted: []string{}}) //nolint:wrapcheck // the client is gone
}
