package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
)

// podmanForms writes what a build and events are asked for as podman reads it: see podmanBuild and podmanEvents.
type podmanForms struct {
	next http.RoundTripper
	base string
}

func (p *podmanForms) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	switch _, rest := splitVersion(req.URL.Path, p.base); {
	case req.Method == http.MethodPost && rest == "/build":
		if err := podmanBuild(query); err != nil {
			closeBody(req)
			return nil, err
		}
	case req.Method == http.MethodGet && rest == "/events":
		podmanEvents(query, time.Now())
	default:
		return p.next.RoundTrip(req)
	}
	out := req.WithContext(req.Context())
	u := *req.URL
	u.RawQuery = query.Encode()
	out.URL = &u
	return p.next.RoundTrip(out)
}

// podmanEvents asks for what has happened up to a time that is over without that time: podman 4 stops to read its records
// when it comes, be it at once and be the records read or not, and asked not to follow them it reads them to their end. The
// answer then has later events as well. Of a time to come podman takes whole seconds: it gets the next one.
func podmanEvents(query url.Values, now time.Time) {
	seconds, part, _ := strings.Cut(query.Get("until"), ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil { // none, or not what our callers write
		return
	}
	nanos, err := strconv.ParseInt((part + "000000000")[:9], 10, 64)
	switch {
	case err != nil:
	case !time.Unix(s, nanos).After(now):
		query.Del("until")
		query.Set("stream", "false")
	case nanos > 0:
		query.Set("until", strconv.FormatInt(s+1, 10))
	}
}

// podmanBuild: podman's endpoint of Docker's API takes extra hosts, security options and limits in the form of podman's own
// client, and answers Docker's with status 400 and not a word. It puts ["host:ip"] in the place of a value each, and ["nofile=1:2"] in that of [{"Name":"nofile",…}].
func podmanBuild(query url.Values) error {
	forms := map[string][]string{"extrahosts": query["extrahosts"], "securityopt": query["securityopt"]}
	if given := query.Get("ulimits"); given != "" {
		var limits []container.Ulimit
		if err := json.Unmarshal([]byte(given), &limits); err != nil {
			return fmt.Errorf("limits of a build: %w", err)
		}
		for _, l := range limits {
			forms["ulimits"] = append(forms["ulimits"], fmt.Sprintf("%s=%d:%d", l.Name, l.Soft, l.Hard))
		}
	}
	for name, values := range forms {
		if len(values) == 0 {
			continue
		}
		text, err := json.Marshal(values)
		if err != nil {
			return err
		}
		query.Set(name, string(text))
	}
	return nil
}
