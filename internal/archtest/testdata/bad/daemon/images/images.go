// Package images is a service that knows another.
package images

import (
	_ "github.com/cleat-dev/cleat/daemon/containers"
	_ "github.com/cleat-dev/cleat/daemon/content"
)
