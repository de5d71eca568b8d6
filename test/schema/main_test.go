package schema

import (
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// The versions that have a machine-readable document and that cleatd speaks.
const oldest, newest = 25, 44
