package secretenv

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	env := []string{"A=1", "TOKEN=x=y", "TOKEN_FILE=/f", "KEY"}
	label := map[string]string{NamesLabel: Label(map[string]int{"TOKEN": 1, "KEY": 2})}
	if diff := cmp.Diff([]string{"A=1", "TOKEN_FILE=/f"}, Open(env, label)); diff != "" {
		t.Errorf("with the label (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(env, Open(env, nil)); diff != "" {
		t.Errorf("without (-want +got):\n%s", diff)
	}
}
