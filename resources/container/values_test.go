package container

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
)

func TestCPUs(t *testing.T) {
	t.Parallel()
	for text, nano := range map[string]int64{"1.5": 1500000000, "0.5": 500000000, "2": 2000000000, "0.000000001": 1, "12.25": 12250000000} {
		if n, err := nanoCPUs(text); err != nil || n != nano {
			t.Errorf("%s: %d, %v", text, n, err)
		}
		if s := formatCPUs(nano); s != text {
			t.Errorf("%d: %s", nano, s)
		}
	}
	for _, text := range []string{"x", "1.0000000001", "-1", "1.-5", "1e3", "1.2.3"} {
		if n, err := nanoCPUs(text); err == nil {
			t.Errorf("%s is %d", text, n)
		}
	}
}

func TestParseBind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bind{
		"vol:/x":           {source: "vol", target: "/x"},
		"/tmp:/x:ro,Z":     {source: "/tmp", target: "/x", readOnly: true, label: "Z"},
		`C:\data:/x`:       {source: `C:\data`, target: "/x"},
		"C:/data:/x:rw":    {source: "C:/data", target: "/x"},
		"/a:/b:z,rprivate": {source: "/a", target: "/b", label: "z", propagation: "rprivate"},
	} {
		got, ok := parseBind(text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(bind{})); diff != "" || !ok {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if b, ok := parseBind("nothing"); ok {
		t.Error(b)
	}
}

// FuzzParseBind: an engine's answer never panics, and what is parsed is part of it.
func FuzzParseBind(f *testing.F) {
	for _, s := range []string{"vol:/x", "C:/a:/b:ro", "::/", ":/", "a:", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if b, ok := parseBind(s); ok && (len(b.source)+len(b.target)+1 > len(s) || b.target[0] != '/') {
			t.Errorf("%q: %+v", s, b)
		}
	})
}

// FuzzGPUs: a request that is understood means the same after it was written again.
func FuzzGPUs(f *testing.F) {
	for _, s := range []string{"all", "2", `"device=0,2"`, "device=GPU-1", `count=1,driver=nvidia,"capabilities=compute,utility"`, `all,"options=a=b,c=d"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseGPUs(s)
		if err != nil {
			return
		}
		again, err := parseGPUs(formatGPUs(r))
		if err == nil && !sameRequest(r, again) {
			t.Errorf("%q: %+v is written %q, which is %+v", s, r, formatGPUs(r), again)
		}
	})
}

func TestSameGPUs(t *testing.T) {
	t.Parallel()
	r, err := parseGPUs(`"device=0,2",driver=nvidia`)
	want := container.DeviceRequest{Driver: "nvidia", DeviceIDs: []string{"0", "2"}, Capabilities: [][]string{{"gpu"}}}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !sameGPUs("all", "count=all") || sameGPUs("all", "1") {
		t.Error("all is count=all and not 1")
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		same func(a, b string) bool
		a, b string
		want bool
	}{
		{sameCPUList, "0-2", "0,1,2", true}, {sameCPUList, "0-2", "0-3", false}, {sameCPUList, "0", "x", false},
		{sameDuration, "90s", "1m30s", true}, {sameDuration, "90s", "91s", false},
		{sameSignal, "SIGINT", "2", true}, {sameSignal, "int", "SIGINT", true}, {sameSignal, "INT", "QUIT", false}, {sameSignal, "x", "y", false},
		{sameImage, "nginx", "docker.io/library/nginx:latest", true}, {sameImage, "h2base", "localhost/h2base:latest", true}, {sameImage, "nginx:1", "nginx:2", false},
		{sameAddress, "::1", "0:0::1", true}, {sameAddress, "1.1.1.1", "1.1.1.2", false},
		{sameMAC, "02-42-AC-11-00-02", "02:42:ac:11:00:02", true},
	} {
		if got := c.same(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %t", c.a, c.b, got)
		}
	}
}

// TestFollow: null and empty never turn into one another, and the declared spelling stays.
func TestFollow(t *testing.T) {
	t.Parallel()
	null, empty := types.SetNull(types.StringType), setOf()
	for _, c := range []struct{ got, want any }{
		{followSet(null, nil, nil), null},
		{followSet(empty, nil, nil), empty},
		{followSet(types.SetUnknown(types.StringType), nil, nil), null},
		{followSet(null, []string{"a", "image"}, nil, "image"), setOf("a")},
		{followSet(setOf("image"), []string{"a", "image"}, nil, "image"), setOf("a", "image")},
		{followSet(setOf("cap_x"), []string{"CAP_X", "Y"}, canonicalCapability), setOf("Y", "cap_x")},
		{followString(str(""), "", nil), str("")},
		{followString(types.StringNull(), "", nil), types.StringNull()},
		{followString(types.StringNull(), "root", nil, "root"), types.StringNull()},
		{followString(str("root"), "root", nil, "root"), str("root")},
		{followString(str("a"), "b", nil), str("b")},
		{followList(listOf(), []string{"x"}, []string{"x"}), listOf()},
		{followList(listOf("x"), []string{"x"}, []string{"x"}), listOf("x")},
		{followList(types.ListNull(types.StringType), []string{"x"}, []string{"x"}), types.ListNull(types.StringType)},
		{flattenSwap(64<<20, 128<<20, types.Int64Null(), false), types.Int64Null()},
		{flattenSwap(64<<20, 128<<20, num(128), false), num(128)},
		{flattenSwap(64<<20, -1, num(128), false), num(-1)},
		{flattenSwap(64<<20, -1, num(128), true), num(128)},
		{flattenSwap(64<<20, -1, types.Int64Null(), true), types.Int64Null()},
		{flattenSwap(0, -1, types.Int64Null(), false), types.Int64Null()},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestRetriesFollow: a number of retries that has no meaning is kept as declared, and one that got lost with the
// policy is seen.
func TestRetriesFollow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy container.RestartPolicyMode
		last   string
		want   types.Int64
	}{
		{"on-failure", "on-failure", num(3)},
		{"no", "no", num(3)},
		{"always", "on-failure", types.Int64Null()},
	} {
		o := observation{InspectResponse: container.InspectResponse{HostConfig: &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: c.policy}}}}
		if c.policy == "on-failure" {
			o.HostConfig.RestartPolicy.MaximumRetryCount = 3
		}
		var m Model
		flattenLimits(o, Model{Restart: str(c.last), MaxRetryCount: num(3)}, &m)
		if diff := cmp.Diff(c.want, m.MaxRetryCount); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", c, diff)
		}
	}
}

// TestShmSizeStays: podman's default is no whole number of mebibytes, and reads the same every time.
func TestShmSizeStays(t *testing.T) {
	t.Parallel()
	o := observation{InspectResponse: container.InspectResponse{HostConfig: &container.HostConfig{ShmSize: 65536000}}}
	var first, second Model
	flattenLimits(o, Model{}, &first)
	flattenLimits(o, first, &second)
	if first.ShmSize != second.ShmSize {
		t.Errorf("%s, then %s", first.ShmSize, second.ShmSize)
	}
}
