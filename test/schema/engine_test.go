package schema

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// callTimeout bounds one call: an engine that hangs fails the test, not the suite.
const callTimeout = 90 * time.Second

// engine is a cleatd as a client sees it: a socket.
type engine struct {
	*acctest.Engine
	http *http.Client
}

func newEngine(e *acctest.Engine) *engine {
	socket := strings.TrimPrefix(e.Host, "unix://")
	return &engine{Engine: e, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send makes a call below /v1.MINOR, 0 for none, with a JSON body, a tarball ([]byte) or none. Of an answer that does
// not end only the first values are read.
func (e *engine) send(t *testing.T, minor int, method, path string, header http.Header, body any, values int) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), callTimeout)
	defer cancel()
	if minor > 0 {
		path = fmt.Sprintf("/v1.%d%s", minor, path)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	switch body := body.(type) {
	case nil:
	case []byte:
		request.Header.Set("Content-Type", "application/x-tar")
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
	}
	response, err := e.http.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	content, err := readSome(response.Body, values)
	if err != nil {
		t.Fatalf("%s %s: %v after %q", method, path, err, content)
	}
	return reply{response.StatusCode, response.Header, content}
}

// readSome reads all, or a number of JSON values.
func readSome(r io.Reader, values int) ([]byte, error) {
	if values == 0 {
		return io.ReadAll(r)
	}
	var all []byte
	for decoder := json.NewDecoder(r); values > 0; values-- {
		var one json.RawMessage
		if err := decoder.Decode(&one); err != nil {
			return all, err
		}
		all = append(append(all, one...), '\n')
	}
	return all, nil
}

// must makes a call at the newest version that has to succeed, and returns the field of its answer.
func (e *engine) must(t *testing.T, method, path string, body any, field string) string {
	t.Helper()
	got := e.send(t, newest, method, path, nil, body, 0)
	if got.status >= 400 {
		t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
	}
	if field == "" {
		return string(got.body)
	}
	var object map[string]any
	if err := json.Unmarshal(got.body, &object); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, got.body)
	}
	return fmt.Sprint(object[field])
}

// object is a JSON object.
type object = map[string]any

// list is a JSON array.
type list = []any

// run makes a container and starts it.
func (e *engine) run(t *testing.T, name string, config object) string {
	t.Helper()
	id := e.must(t, "POST", "/containers/create?name="+name, config, "Id")
	e.must(t, "POST", "/containers/"+id+"/start", nil, "")
	return id
}

// until waits for an event that passes the filters, be it before or after this call.
func (e *engine) until(t *testing.T, filters string) {
	t.Helper()
	e.send(t, newest, "GET", "/events?since=1&filters="+url.QueryEscape(filters), nil, nil, 1)
}

// tarball packs files, given as name and content.
func tarball(t *testing.T, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	var err error
	for _, file := range files {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: file[0], Mode: 0o755, Size: int64(len(file[1])), Typeflag: tar.TypeReg}))
		_, writeErr := io.WriteString(w, file[1])
		err = errors.Join(err, writeErr)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// serveIndex answers searches as the index does, on an address the engine reaches.
func serveIndex(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"num_results":1,"query":"box","results":[{"name":"box","description":"a box","star_count":7,"is_official":true,"is_automated":false}]}`)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}
