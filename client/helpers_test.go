package client

import (
	"context"
	"testing"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/version"
)

func mustParse(t *testing.T, s string) version.Version {
	t.Helper()
	v, err := version.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func waited(t *testing.T, ctx context.Context, w moby.ContainerWaitResult) int64 {
	t.Helper()
	select {
	case r := <-w.Result:
		if r.Error != nil {
			t.Errorf("wait: %s", r.Error.Message)
		}
		return r.StatusCode
	case err := <-w.Error:
		t.Fatalf("wait: %v", err)
	case <-ctx.Done():
		t.Fatal("wait: no answer")
	}
	return -1
}
