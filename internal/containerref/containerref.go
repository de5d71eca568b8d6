// Package containerref is how types name the container they work on: by name or id, compared by id. The exec, file,
// snapshot and commit resources share it.
package containerref

import (
	"context"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"
)

// API is the part of the engine's API it calls.
type API interface {
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
}

var (
	form = regexp.MustCompile(`^/?[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
	id   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validator checks that a text can be the name or id of a container.
func Validator() validator.String {
	return stringvalidator.RegexMatches(form, "must be the name or id of a container")
}

// ID returns the id of the container a name or id stands for now. A whole id is its own answer and costs no call: it
// never stands for another container.
func ID(ctx context.Context, e API, name string) (string, error) {
	if id.MatchString(name) {
		return name, nil
	}
	found, err := e.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	return found.Container.ID, nil
}

// Name is the name among those a list has of a container, "" when there is none: a link adds names of its own, with a second
// slash.
func Name(names []string) string {
	for _, name := range names {
		if name = strings.TrimPrefix(name, "/"); !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

// Open reports whether a map is unknown, whole or in part.
func Open(m types.Map) bool {
	if m.IsUnknown() {
		return true
	}
	for _, v := range m.Elements() {
		if v.IsUnknown() {
			return true
		}
	}
	return false
}
