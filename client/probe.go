package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/version"
)

const (
	// probeTimeout bounds the first question; ssh may ask an agent or a jump host.
	probeTimeout = 60 * time.Second
	probeBytes   = 1 << 20
)

// oldest is the first version cleat drives.
var oldest = version.Of(1, 18)

// mobyFloor is the lowest version moby's client agrees to speak.
var mobyFloor = version.Of(1, 40)

// engine is what the probe found.
type engine struct {
	name     string
	product  string
	min, max version.Version
	// manager is set once it was found to manage a swarm.
	manager atomic.Bool
}

// serverVersion is the part of GET /version that every engine since 1.12 has.
type serverVersion struct {
	Version       string
	APIVersion    string `json:"ApiVersion"`
	MinAPIVersion string
	Platform      struct{ Name string }
	Components    []struct{ Name, Version string }
}

// probe asks who is there. GET /version without version is the one question every engine answers.
func probe(ctx context.Context, w *wire) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: w.ep.base + "/version"}, Header: http.Header{}}).WithContext(ctx)
	resp, err := w.RoundTrip(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, &Unreachable{Engine: w.ep.String(), Problem: "no answer in time", Next: "see whether the engine is well and what lies between"}
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeBytes))
	if err != nil {
		return nil, explain(w.ep, err)
	}
	return readVersion(w.ep, resp.StatusCode, body)
}

// readVersion judges the answer to the probe.
func readVersion(ep *endpoint, status int, body []byte) (*engine, error) {
	if status == http.StatusBadRequest && bytes.Contains(body, []byte("HTTP request to an HTTPS server")) {
		return nil, &Unreachable{Engine: ep.String(), Problem: "the answer is not plain HTTP", Next: nextPlain}
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return nil, &Unreachable{
			Engine: ep.String(), Problem: fmt.Sprintf("it refuses access (status %d%s)", status, said(body)),
			Next: "check the certificate it is shown, and what its authorization plugin or the proxy before it allows",
		}
	}
	var found serverVersion
	if status != http.StatusOK || json.Unmarshal(body, &found) != nil || found.Version == "" && found.APIVersion == "" {
		return nil, &Unreachable{
			Engine: ep.String(), Problem: fmt.Sprintf("what answers is not a docker engine (GET /version gave status %d)", status),
			Next: "check host and port, and proxies between",
		}
	}
	e := &engine{name: engineName(&found), product: strings.TrimSpace(engineName(&found) + " " + found.Version)}
	var err error
	if e.max, err = version.Parse(found.APIVersion); err != nil {
		// Engines before 1.12 do not say.
		return nil, invalid(attributeOf(ep.origin), "%s is %s, which is too old: cleat needs API %s (Docker 1.6)", ep, e.product, oldest)
	}
	if found.MinAPIVersion != "" {
		if e.min, err = version.Parse(found.MinAPIVersion); err != nil {
			return nil, &Unreachable{Engine: ep.String(), Problem: "the engine's minimum " + err.Error(), Next: "check what listens there"}
		}
	}
	return e, nil
}

// said is an engine's own word on an error, with a colon before it, or "".
func said(body []byte) string {
	var answer struct{ Message string }
	if json.Unmarshal(body, &answer) != nil || answer.Message == "" {
		return ""
	}
	return ": " + answer.Message
}

func engineName(v *serverVersion) string {
	if v.Platform.Name == "cleat" { // its components are named for clients that look for Docker's
		return "cleatd"
	}
	if len(v.Components) == 0 {
		return "dockerd" // others came after components
	}
	first := v.Components[0].Name
	switch {
	case strings.Contains(strings.ToLower(first), "podman"):
		return "podman"
	case first == "Engine", first == "":
		return "dockerd"
	default:
		return strings.ToLower(first)
	}
}

// choose picks the version to speak: the pinned one, or the highest both sides know.
func choose(ep *endpoint, e *engine, pinned string) (version.Version, error) {
	ours, err := version.Parse(moby.MaxAPIVersion)
	if err != nil {
		return version.Version{}, fmt.Errorf("the client library's: %w", err)
	}
	if e.max.Before(oldest) {
		return version.Version{}, invalid(attributeOf(ep.origin), "%s is %s and speaks API %s at most: cleat needs %s (Docker 1.6)", ep, e.product, e.max, oldest)
	}
	if ours.Before(e.min) {
		return version.Version{}, invalid(attributeOf(ep.origin), "%s is %s and speaks API %s at least: this cleat knows %s at most, a newer one is needed", ep, e.product, e.min, ours)
	}
	attribute := "APIVersion"
	if pinned == "" {
		attribute, pinned = moby.EnvOverrideAPIVersion, os.Getenv(moby.EnvOverrideAPIVersion)
	}
	if pinned = strings.TrimSpace(pinned); pinned == "" {
		if e.max.Before(ours) {
			return e.max, nil
		}
		return ours, nil
	}
	lowest := oldest
	if lowest.Before(e.min) {
		lowest = e.min
	}
	pin, err := version.Parse(pinned)
	switch {
	case err != nil:
		return version.Version{}, invalid(attribute, "%w", err)
	case pin.Before(lowest):
		return version.Version{}, invalid(attribute, "%s is too old: want %s to %s for %s, or unset it", pin, lowest, e.max, e.product)
	case e.max.Before(pin) || ours.Before(pin):
		return version.Version{}, invalid(attribute, "%s is too new: %s speaks API %s at most, cleat %s; unset it, or set a lower one", pin, e.product, e.max, ours)
	}
	return pin, nil
}
