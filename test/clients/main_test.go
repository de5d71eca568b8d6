package clients

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// all leaves a test out where not all clients were asked for: "make test-clients" asks, and says where it has those that
// setup.sh makes.
func all(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CLEAT_CLIENTS")
	if dir == "" {
		t.Skip("CLEAT_CLIENTS is not set: 'make test-clients' tests all")
	}
	return dir
}

// fetched returns the path of a client that setup.sh makes.
func fetched(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(all(t), name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run test/clients/setup.sh", err)
	}
	return path
}
