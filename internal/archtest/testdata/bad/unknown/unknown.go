// Package unknown is nowhere in the table.
package unknown

import _ "github.com/cleat-dev/cleat/api/errs"
