package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// rememberedBytes bounds the image inspects kept: some hundred of a few kilobytes each.
const rememberedBytes = 16 << 20

// coalesce shares reads. A read is shared only with one that began after the last change this client made or heard
// of, so that a caller always sees its own writes, and what an event told it.
type coalesce struct {
	next http.RoundTripper
	base string

	reads flights[*answer]
	// epoch moves when a call that is not a shared read returns, and whenever bytes of its answer come.
	epoch atomic.Uint64

	mu sync.Mutex
	// imageEpoch moves with every sign of life of a call that can change images; then images is dropped.
	imageEpoch uint64
	images     map[string]*answer
	imageBytes int
}

// answer is a whole response. It is shared and never changed.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
		Request: req,
	}
}

func (c *coalesce) RoundTrip(req *http.Request) (*http.Response, error) {
	_, rest := splitVersion(req.URL.Path, c.base)
	if req.Method != http.MethodGet || !isRead(rest) {
		return c.pass(req, changesImages(req.Method, rest))
	}
	key := req.URL.Path + "?" + req.URL.RawQuery
	image := isImageInspect(rest)
	var imageEpoch uint64
	if image {
		var known *answer
		if known, imageEpoch = c.recall(key); known != nil {
			return known.response(req), nil
		}
	}
	a, err := c.reads.do(req.Context(), key, c.epoch.Load(), func(ctx context.Context) (*answer, error) {
		a, err := c.fetch(req.WithContext(ctx))
		if err == nil && image && a.status == http.StatusOK {
			c.remember(key, a, imageEpoch)
			if byID := keyByID(req, rest, a); byID != "" && byID != key {
				c.remember(byID, a, imageEpoch)
			}
		}
		return a, err
	})
	if err != nil {
		return nil, err
	}
	return a.response(req), nil
}

func (c *coalesce) fetch(req *http.Request) (*answer, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength < 64<<20 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body.Bytes()}, nil
}

// pass sends what is not shared.
func (c *coalesce) pass(req *http.Request, images bool) (*http.Response, error) {
	if images {
		c.forgetImages()
	}
	resp, err := c.next.RoundTrip(req)
	c.moved(images)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &telling{ReadCloser: resp.Body, moved: func() { c.moved(images) }}
	}
	return resp, nil
}

func (c *coalesce) moved(images bool) {
	c.epoch.Add(1)
	if images {
		c.forgetImages()
	}
}

func (c *coalesce) recall(key string) (*answer, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.images[key], c.imageEpoch
}

func (c *coalesce) remember(key string, a *answer, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.imageEpoch || len(a.body) > rememberedBytes/8 {
		return
	}
	if c.imageBytes+len(a.body) > rememberedBytes || c.images == nil {
		c.images, c.imageBytes = map[string]*answer{}, 0
	}
	if old := c.images[key]; old != nil {
		c.imageBytes -= len(old.body)
	}
	c.images[key] = a
	c.imageBytes += len(a.body)
}

func (c *coalesce) forgetImages() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.imageEpoch++
	c.images, c.imageBytes = nil, 0
}

// telling calls moved whenever something of a body has come, and at its end.
type telling struct {
	io.ReadCloser
	moved func()
}

func (t *telling) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.moved()
	return n, err
}

func (t *telling) Close() error {
	err := t.ReadCloser.Close()
	t.moved()
	return err
}

// splitVersion takes base and the version off a path: "/x/v1.41/info" is "v1.41", "/info". A path without version
// has none.
func splitVersion(path, base string) (version, rest string) {
	path = strings.TrimPrefix(path, base)
	if after, ok := strings.CutPrefix(path, "/v"); ok && after != "" && after[0] >= '0' && after[0] <= '9' {
		number, rest, _ := strings.Cut(after, "/")
		return "v" + number, "/" + rest
	}
	return "", path
}

// isRead reports whether a GET may be shared: inspects and lists.
func isRead(rest string) bool {
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	switch parts[0] {
	case "containers":
		return parts[len(parts)-1] == "json" && len(parts) <= 3
	case "images":
		return parts[len(parts)-1] == "json"
	case "networks", "volumes":
		return len(parts) <= 2
	case "info", "version":
		return len(parts) == 1
	default:
		return false
	}
}

func isImageInspect(rest string) bool {
	return strings.HasPrefix(rest, "/images/") && strings.HasSuffix(rest, "/json") && rest != "/images/json"
}

// keyByID is under which key the inspect of the same image by its id is remembered: what is asked by name in one place
// is asked by id in another. A question with parameters may have another answer.
func keyByID(req *http.Request, rest string, a *answer) string {
	var image struct {
		ID string `json:"Id"`
	}
	if req.URL.RawQuery != "" || json.Unmarshal(a.body, &image) != nil || !strings.HasPrefix(image.ID, "sha256:") {
		return ""
	}
	return strings.TrimSuffix(req.URL.Path, rest) + "/images/" + image.ID + "/json?"
}

func changesImages(method, rest string) bool {
	if method == http.MethodGet || method == http.MethodHead {
		return false
	}
	return strings.HasPrefix(rest, "/images/") || rest == "/build" || strings.HasPrefix(rest, "/build/") || rest == "/commit"
}
