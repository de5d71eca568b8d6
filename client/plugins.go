package client

import (
	"context"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// NeedPlugins is nil when the engine can have plugins, and else an error that says what to do. It asks nothing: which
// engines have none is known.
func (c *Client) NeedPlugins(context.Context) error {
	if product, _, _ := strings.Cut(c.engine.product, " "); product == "podman" || product == "cleatd" {
		return errs.Errorf(errs.ErrInvalid, "%s has no plugins: this needs a Docker engine; name one in the provider's host", c.engine.product)
	}
	return nil
}
