package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

func TestWebsocket(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Run("stream", func(t *testing.T) {
			t.Parallel()
			id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; echo got $x")
			ws := e.websocket(t, "/containers/"+id+"/attach/ws?logs=0&stream=1&stdin=1&stdout=1&stderr=1")
			if err := ws.WriteMessage(websocket.TextMessage, []byte("it\n")); err != nil {
				t.Fatal(err)
			}
			if got := received(t, ws); !strings.Contains(got, "got it\n") {
				t.Errorf("received %q", got)
			}
		})
		t.Run("logs", func(t *testing.T) {
			t.Parallel()
			id := e.run(t, e.name(t), nil, "echo", "hi")
			e.must(t, "POST", "/containers/"+id+"/wait", nil)
			ws := e.websocket(t, "/containers/"+id+"/attach/ws?logs=1&stream=0&stdout=1")
			if got := received(t, ws); !strings.Contains(got, "hi\n") {
				t.Errorf("received %q", got)
			}
		})
	})
}

func (e *engine) websocket(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.socket)
	}}
	if !strings.HasPrefix(path, "/v1.") {
		path = prefix + path
	}
	ws, answer, err := dialer.DialContext(t.Context(), "ws://engine"+path, http.Header{"Origin": {"http://engine"}})
	if err != nil {
		t.Fatalf("%v: %+v", err, answer)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(stepTimeout)); err != nil {
		t.Fatal(err)
	}
	return ws
}

// received is everything until the other side closes.
func received(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	var all strings.Builder
	for {
		kind, text, err := ws.ReadMessage()
		if err != nil {
			return all.String()
		}
		if kind != websocket.TextMessage { // binary came with 1.28
			t.Errorf("message of kind %d, want text", kind)
		}
		all.Write(text)
	}
}

// event is what the document shows of one.
type event struct {
	Status string `json:"status"`
	ID     string `json:"id"`
	From   string `json:"from,omitempty"`
	Time   int64  `json:"time"`
}

// events opens the stream of events with filters.
func (e *engine) events(t *testing.T, query string, filters map[string][]string) *json.Decoder {
	t.Helper()
	raw, err := json.Marshal(filters)
	if err != nil {
		t.Fatal(err)
	}
	c := e.dial(t, "GET", "/events?"+query+"&filters="+url.QueryEscape(string(raw)), "", false)
	c.head(200, map[string]string{"Content-Type": "application/json"})
	return json.NewDecoder(c.r)
}

// next reads as many events as wanted and compares what happened.
func next(t *testing.T, d *json.Decoder, want ...string) []event {
	t.Helper()
	var events []event
	var got []string
	for range want {
		var one event
		if err := d.Decode(&one); err != nil {
			t.Fatalf("%v after %q, want %q", err, got, want)
		}
		events, got = append(events, one), append(got, one.Status)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	return events
}

// documented are the events the document lists; others come from a real engine only.
var documented = []string{
	"create", "destroy", "die", "exec_create", "exec_start", "export", "kill", "oom", "pause", "restart", "start", "stop", "unpause",
}

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Run("as they happen", func(t *testing.T) { t.Parallel(); liveEvents(t, e) })
		t.Run("image", func(t *testing.T) { t.Parallel(); imageEvents(t, e) })
		t.Run("exec", func(t *testing.T) { t.Parallel(); execEvents(t, e) })
		t.Run("since and until", func(t *testing.T) { t.Parallel(); pastEvents(t, e) })
		t.Run("memory", func(t *testing.T) { t.Parallel(); oomEvent(t, e) })
	})
}

func liveEvents(t *testing.T, e *engine) {
	id := e.create(t, e.name(t), map[string]any{"Cmd": []string{"sleep", "1000"}})
	d := e.events(t, fmt.Sprintf("since=%d", time.Now().Unix()-60), map[string][]string{"container": {id}, "event": documented})
	next(t, d, "create") // a dockerd that is still about to replay sends what happens meanwhile twice
	path := "/containers/" + id
	for _, call := range []string{"/start", "/pause", "/unpause", "/restart?t=0", "/kill"} {
		e.must(t, "POST", path+call, nil)
	}
	e.must(t, "GET", path+"/export", nil)
	e.must(t, "POST", path+"/start", nil)
	e.must(t, "POST", path+"/stop?t=0", nil)
	e.must(t, "DELETE", path, nil)
	events := next(t, d, "start", "pause", "unpause", "kill", "kill", "die", "stop", "start", "restart", "kill", "die", "export",
		"start", "kill", "kill", "die", "stop", "destroy")
	for _, one := range events {
		if one.ID != id || one.From != "busybox:1" || one.Time < time.Now().Unix()-120 {
			t.Errorf("event %+v", one)
		}
	}
}

func imageEvents(t *testing.T, e *engine) {
	name := e.name(t)
	e.image(t, name+"/one")
	var image struct{ Id string }
	decode(t, e.must(t, "GET", "/images/"+name+"/one/json", nil).body, &image)
	d := e.events(t, "since=1", map[string][]string{"image": {image.Id}, "event": {"untag", "delete"}})
	e.must(t, "DELETE", "/images/"+name+"/one", nil)
	for _, one := range next(t, d, "untag", "delete") {
		if one.ID != image.Id || one.From != "" {
			t.Errorf("event %+v, want that of %s", one, image.Id)
		}
	}
}

func execEvents(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), nil, "sleep", "1000")
	d := e.events(t, "since=1", map[string][]string{"container": {id}, "event": {"create", "exec_create", "exec_start"}})
	next(t, d, "create")
	var made struct{ Id string }
	decode(t, e.must(t, "POST", "/containers/"+id+"/exec", map[string]any{"Cmd": []string{"true", "x"}}).body, &made)
	e.must(t, "POST", "/exec/"+made.Id+"/start", map[string]any{"Detach": true})
	next(t, d, "exec_create: true x", "exec_start: true x")
}

// pastEvents: until ends the stream, since begins it.
func pastEvents(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), nil, "true")
	e.must(t, "POST", "/containers/"+id+"/wait", nil)
	now := time.Now()
	stamp := fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond())
	filters := map[string][]string{"container": {id}, "event": {"create", "start", "die", "destroy"}}
	d := e.events(t, "since=1&until="+stamp, filters)
	next(t, d, "create", "start", "die")
	if err := d.Decode(&event{}); err != io.EOF {
		t.Errorf("%v, want the end at until", err)
	}
	e.must(t, "DELETE", "/containers/"+id, nil)
	next(t, e.events(t, "since="+stamp, filters), "destroy")
	got := e.do(t, "GET", "/events?since=x", nil, nil)
	if got.status != 400 && got.status != 500 {
		t.Errorf("since=x: %d %s", got.status, got.body)
	}
}

func oomEvent(t *testing.T, e *engine) {
	id := e.create(t, e.name(t), map[string]any{
		"Cmd":        []string{"sh", "-c", "head -c 200000000 /dev/zero | tail"},
		"HostConfig": map[string]any{"Memory": 32 << 20, "MemorySwap": 32 << 20},
	})
	d := e.events(t, "since=1", map[string][]string{"container": {id}, "event": {"oom"}})
	e.must(t, "POST", "/containers/"+id+"/start", nil)
	next(t, d, "oom")
}

func TestStats(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		id := e.run(t, e.name(t), map[string]any{"HostConfig": map[string]any{"Memory": 64 << 20}}, "sleep", "1000")
		c := e.dial(t, "GET", "/containers/"+id+"/stats", "", false)
		kind := map[string]string{"Content-Type": "application/json"}
		if e.Name == "dockerd" {
			kind = nil // the document shows one; the engine sends none
		}
		c.head(200, kind)
		d := json.NewDecoder(c.r)
		d.UseNumber()
		var last string
		for range 2 {
			var sample map[string]any
			if err := d.Decode(&sample); err != nil {
				t.Fatal(err)
			}
			read, _ := sample["read"].(string)
			if _, err := time.Parse(time.RFC3339Nano, read); err != nil || read <= last {
				t.Errorf("read at %q after %q, %v", read, last, err)
			}
			last = read
			checkStats(t, e, sample)
		}
		got := e.do(t, "GET", "/containers/"+e.name(t)+"/stats", nil, nil)
		if got.status != 404 {
			t.Errorf("of nothing: %d %s", got.status, got.body)
		}
	})
}

func checkStats(t *testing.T, e *engine, sample map[string]any) {
	t.Helper()
	for path, keys := range map[string]string{
		"":                    "read network memory_stats blkio_stats cpu_stats",
		"network":             "rx_dropped rx_bytes rx_errors tx_packets tx_dropped rx_packets tx_errors tx_bytes",
		"memory_stats":        "stats usage limit",
		"cpu_stats":           "cpu_usage system_cpu_usage throttling_data",
		"cpu_stats cpu_usage": "percpu_usage usage_in_usermode total_usage usage_in_kernelmode",
	} {
		var value any = sample
		for key := range strings.FieldsSeq(path) {
			value, _ = child(value, key)
		}
		if problem := compareKeys(value, "has", strings.Fields(keys)); problem != "" {
			t.Errorf("%s %s", path, problem)
		}
	}
	if limit, _ := child(sample["memory_stats"], "limit"); limit != json.Number("67108864") {
		t.Errorf("limit %v", limit)
	}
	if _, ok := sample["networks"]; ok {
		t.Error("networks came with 1.21")
	}
	if e.Name == "dockerd" {
		return // today's engines add the keys of later versions and leave out what is zero
	}
	if problem := compareKeys(sample["memory_stats"], "keys", []string{"stats", "max_usage", "usage", "failcnt", "limit"}); problem != "" {
		t.Errorf("memory_stats %s", problem)
	}
	allowed := []string{"read", "network", "memory_stats", "blkio_stats", "cpu_stats", "precpu_stats", "preread"}
	for key := range sample {
		if !slices.Contains(allowed, key) {
			t.Errorf("%s is not documented", key)
		}
	}
}

// A wait answers when the container ends, not before.
func TestWaitLasts(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; exit $x")
		done := make(chan answer, 1)
		go func() { done <- e.do(t, "POST", "/containers/"+id+"/wait", nil, nil) }()
		c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
		select {
		case got := <-done:
			t.Fatalf("answered while it runs: %s", got.body)
		default:
		}
		c.send("9\n")
		var waited struct{ StatusCode int }
		decode(t, (<-done).body, &waited)
		if waited.StatusCode != 9 {
			t.Errorf("status %d, want 9", waited.StatusCode)
		}
	})
}

// Following logs delivers what is written while it is written.
func TestLogsAreLive(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "echo ready; read x; echo $x")
		c := e.dial(t, "GET", "/containers/"+id+"/logs?stdout=1&follow=1", "", false)
		c.until("ready\n")
		in := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1", "", true)
		in.send("now\n")
		got, err := readFrames(bufio.NewReader(c.r))
		if err != nil || len(got) == 0 || !strings.HasSuffix(got[len(got)-1][1], "now\n") {
			t.Errorf("%q, %v", got, err)
		}
	})
}
