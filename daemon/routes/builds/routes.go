package builds

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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
		{Method: "POST", Path: "/images/{name...}/insert", Until: version.Of(1, 12), Endless: true, Handle: h.insert},
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
	out := &answer{quiet: o.SuppressOutput, noAux: r.Trait(traitNoAux)}
	if r.Trait("build-text") {
		out.sink = &textStream{w: w}
	} else {
		out.sink = messages{server.Stream(w, r)}
	}
	body := io.Reader(r.Body)
	if r.Body == nil {
		body = http.NoBody
	}
	if r.Trait("build-multipart") {
		if body, err = fromParts(r.Request, &o); err != nil {
			return err
		}
	}
	id, err := h.backend.Build(r.Context(), body, o, out.send)
	if err != nil {
		return out.fail(err)
	}
	if o.SuppressOutput {
		return out.sink.send(stream.Message{Stream: id + "\n"})
	}
	return nil
}

// insert puts a file into an image.
func (h handlers) insert(w http.ResponseWriter, r *server.Request) error {
	out := messages{server.Stream(w, r)}
	id, err := h.backend.Insert(r.Context(), r.Var("name"), r.Query().Get("url"), r.Query().Get("path"), out.send)
	if err != nil {
		return err //nolint:wrapcheck // it names what is missing
	}
	return out.send(stream.Message{Status: short(id)})
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
	if r.Trait("build-registry-auth") {
		one(r.Header.Get("X-Registry-Auth"), &o)
	}
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

// pruneFilters are those a client may name, though there is nothing they could choose from.
var pruneFilters = []string{"until", "id", "parent", "type", "description", "inuse", "shared", "private", "unused-for"}

// pruned is what there is to prune: nothing. The cache of the classic builder is images, and they are pruned as images.
type pruned struct {
	CachesDeleted  []string
	SpaceReclaimed uint64
}

func (h handlers) prune(w http.ResponseWriter, r *server.Request) error {
	filters, err := r.Filters()
	if err != nil {
		return err //nolint:wrapcheck // it names the parameter
	}
	for name := range filters {
		if !slices.Contains(pruneFilters, name) {
			return fmt.Errorf("failed to prune build cache: invalid filter '%s': %w", name, errs.ErrInvalid)
		}
	}
	return server.JSON(w, r, http.StatusOK, pruned{CachesDeleted: []string{}}) //nolint:wrapcheck // the client is gone
}
