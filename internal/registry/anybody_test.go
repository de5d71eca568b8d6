package registry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
)

// Servers that stop in the middle are given up; slow ones are not.
func TestDo(t *testing.T) {
	t.Parallel()
	const patience = 2 * time.Second
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		tick := time.NewTicker(patience / 10)
		defer tick.Stop()
		for range 12 { // longer than anybody's patience, but never silent for so long
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-tick.C
		}
		if r.URL.Path == "/stops" {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(srv.Close)
	for path, want := range map[string]string{"/slow": "", "/stops": "sent nothing for 2s", "/silent": "sent nothing for 2s"} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := Do(http.DefaultClient, r, patience)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(response.Body)
				err = errors.Join(err, response.Body.Close())
			}
			if want == "" && (err != nil || string(got) != strings.Repeat("x", 12)) {
				t.Errorf("%q, %v", got, err)
			}
			if want != "" && (!errors.Is(err, errs.ErrInternal) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}
