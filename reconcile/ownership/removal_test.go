package ownership_test

import (
	"sync"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// A lock is removed by several at once: by its holder, and by those who found it stale. dockerd refuses all but the
// first, and tells none of them when the name is free.
func TestLockIsRemovedByManyAtOnce(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		c := reach(t, e)
		for range 5 {
			lock, err := ownership.TakeLock(t.Context(), c, "removed", ownership.NewHolder("test"))
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					if err := lock.Unlock(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		lock, err := ownership.TakeLock(t.Context(), c, "removed", ownership.NewHolder("test"))
		if err != nil {
			t.Fatalf("the name is not free: %v", err)
		}
		if err := lock.Cleanup(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
