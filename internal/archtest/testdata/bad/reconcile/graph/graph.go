// Package graph reaches up.
package graph

import _ "github.com/cleat-dev/cleat/reconcile/plan"
