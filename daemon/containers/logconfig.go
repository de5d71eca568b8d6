//go:build linux

package containers

import (
	"path"
	"regexp"
	"strings"
	"text/template"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// errNotReadable is the class of ErrNoLogs.
var errNotReadable = cerrdefs.ErrNotImplemented

// readable reports whether GET logs can read what a driver writes.
func readable(driver string) bool { return driver == "json-file" || driver == "" }

// logConfig is what the monitor has to know of a container's log. Errors are errs.ErrInvalid.
func (s *Service) logConfig(r *record) (runtime.LogConfig, error) {
	options := r.Host.LogConfig.Config
	out := runtime.LogConfig{Driver: r.Host.LogConfig.Type, Options: options, Path: s.logPath(r.ID), Name: r.Name, Image: r.Config.Image}
	var err error
	if out.Tag, err = logTag(options["tag"], r); err != nil {
		return out, err
	}
	if out.Attrs, err = logAttrs(options, r); err != nil {
		return out, err
	}
	return out, out.Check() //nolint:wrapcheck // says itself what it is about
}

// tagInfo is what the templates of the option "tag" can name.
type tagInfo struct{ ID, FullID, Name, ImageName, ImageID, ImageFullID, DaemonName, Command string }

func logTag(text string, r *record) (string, error) {
	if text == "" {
		return "", nil // the driver's default
	}
	parsed, err := template.New("tag").Parse(text)
	if err != nil {
		return "", invalid("invalid log opt tag: %v", err)
	}
	image := strings.TrimPrefix(r.ImageID, "sha256:")
	var out strings.Builder
	if err := parsed.Execute(&out, tagInfo{ID: short(r.ID), FullID: r.ID, Name: r.Name, ImageName: r.Config.Image, ImageID: short(image),
		ImageFullID: image, DaemonName: "cleatd", Command: path.Base(r.Path)}); err != nil {
		return "", invalid("invalid log opt tag: %v", err)
	}
	return out.String(), nil
}

// logAttrs are the labels and variables that each record of the log carries, as the options labels, labels-regex, env and
// env-regex choose them.
func logAttrs(options map[string]string, r *record) (map[string]string, error) {
	out := map[string]string{}
	env := map[string]string{}
	for _, v := range r.Config.Env {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	for option, from := range map[string]map[string]string{"labels": r.Config.Labels, "env": env} {
		for key := range strings.SplitSeq(options[option], ",") {
			if value, ok := from[key]; ok && key != "" {
				out[key] = value
			}
		}
		pattern := options[option+"-regex"]
		if pattern == "" {
			continue
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, invalid("invalid log opt %s-regex: %v", option, err)
		}
		for key, value := range from {
			if re.MatchString(key) {
				out[key] = value
			}
		}
	}
	if tag := options["tag"]; tag != "" {
		text, err := logTag(tag, r)
		if err != nil {
			return nil, err
		}
		out["tag"] = text
	}
	return out, nil
}
