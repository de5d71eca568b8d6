package progress_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/progress"
)

func TestReport(t *testing.T) {
	t.Parallel()
	progress.Report(t.Context(), progress.Event{Object: "nobody listens"})
	progress.Report(progress.With(t.Context(), nil), progress.Event{Object: "nobody listens"})

	var got []progress.Event
	ctx := progress.With(t.Context(), func(e progress.Event) { got = append(got, e) })
	want := []progress.Event{{Object: "busybox", Message: "pulling", Current: 1, Total: 3}, {Object: "busybox", Message: "done"}}
	for _, e := range want {
		progress.Report(ctx, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
