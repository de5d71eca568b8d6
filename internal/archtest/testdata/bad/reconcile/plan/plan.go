// Package plan is fine.
package plan

import (
	_ "github.com/cleat-dev/cleat/reconcile/graph"
	_ "github.com/cleat-dev/cleat/resources/contract"
)
