package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"

	"github.com/cleat-dev/cleat/api/version"
)

// newestTypes are the Go types of the newest forms.
var newestTypes = map[string]reflect.Type{
	"ContainerCreate": documentedTypes["create"], "ContainerCreated": documentedTypes["created"], "ContainerInspect": documentedTypes["container"],
	"ContainerList": documentedTypes["containers"], "ContainerStart": documentedTypes["hostconfig"], "CommitConfig": documentedTypes["config"],
	"Top": documentedTypes["top"], "ImageInspect": documentedTypes["image"], "ImageList": documentedTypes["images"],
	"ImageHistory": documentedTypes["history"], "ImageDelete": documentedTypes["deleted"], "ImageSearch": documentedTypes["search"],
	"Commit": documentedTypes["committed"], "Messages": documentedTypes["message"], "ExecCreate": documentedTypes["execcreate"],
	"ExecCreated": documentedTypes["execcreated"], "ExecInspect": documentedTypes["exec"], "Version": documentedTypes["version"],
	"Wait": documentedTypes["wait"], "Update": reflect.TypeFor[container.UpdateResponse](), "Info": documentedTypes["info"],
	"Event": documentedTypes["event"], "Stats": documentedTypes["stats"], "DiskUsage": reflect.TypeFor[system.DiskUsage](),
	"NetworkCreate": reflect.TypeFor[network.CreateRequest](), "NetworkInspect": reflect.TypeFor[network.Inspect](),
	"NetworkList": reflect.TypeFor[[]network.Summary](),
}

// TestProperties: for bodies of the newest types, whatever is in them, and every version: lowering and lifting twice is
// doing it once, a round trip takes away what it takes away at once, and so does one from the older side.
func TestProperties(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes {
		typed := newestTypes[name]
		if typed == nil {
			t.Errorf("shape %s: no type", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range 40 {
				body := randomJSON(t, random, typed)
				for _, v := range boundaries(shape) {
					checkProperties(t, shape, body, v)
				}
				if t.Failed() {
					t.Fatalf("body %s", body)
				}
			}
		})
	}
}

func checkProperties(t *testing.T, s *Shape, newest []byte, v version.Version) {
	t.Helper()
	apply := func(body []byte, convert func([]byte, version.Version) ([]byte, error)) []byte {
		t.Helper()
		out, err := convert(body, v)
		if err != nil {
			t.Fatalf("at %s: %v in %s", v, err, body)
		}
		return out
	}
	same := func(what string, want, got []byte) {
		t.Helper()
		if !bytes.Equal(want, got) {
			t.Errorf("at %s: %s (-want +got)\n%s", v, what, cmp.Diff(indentAll(t, want), indentAll(t, got)))
		}
	}
	lowered := apply(newest, s.Down)
	same("lowered twice", lowered, apply(lowered, s.Down))
	lifted := apply(lowered, s.Up)
	same("lifted twice", lifted, apply(lifted, s.Up))
	if s == ExecInspect {
		return // the container in it is the handler's, and with it goes the only mention of its id
	}
	there := apply(lifted, s.Down)
	back := apply(there, s.Up)
	same("second round trip", lifted, back)
	same("second round trip of the older form", there, apply(back, s.Down))
}

// indentAll is one or several values for people.
func indentAll(t *testing.T, raw []byte) string {
	t.Helper()
	var all strings.Builder
	for d := json.NewDecoder(bytes.NewReader(raw)); d.More(); {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		all.WriteString(indent(t, value) + "\n")
	}
	return all.String()
}

func randomJSON(t *testing.T, random *rand.Rand, typed reflect.Type) []byte {
	t.Helper()
	value := reflect.New(typed).Elem()
	fill(random, value, 0)
	body, err := json.Marshal(value.Interface())
	if err != nil {
		t.Fatal(err)
	}
	out, err := encode(mustDecode(t, body)) // keys in the order conversions write them
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustDecode(t *testing.T, body []byte) any {
	t.Helper()
	value, err := decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var hexID = strings.Repeat("0123456789abcdef", 4)

// words are what texts are made of: what some step looks for, and what none does.
var words = []string{
	"", "", "a", "a:1", "a/b:2", "<none>:<none>", "bridge", "default", "host", "container:x", "none", "net1", hexID, "sha256:" + hexID, hexID[:12], "tcp", "udp",
	"running", "created", "Created", "Up 3 seconds", "Up 1 second (Paused)", "Exited (3) 2 minutes ago", "Restarting (1) 2 seconds ago", "2013-05-07T14:51:42Z",
	"0001-01-01T00:00:00Z", "container", "image", "start", "pull", "/v:/w:ro", "/data", "8080", "name=seccomp,profile=default", "apparmor", "10.0.0.1/24", "äöü<&>",
}

// special are types that are not what their kind says.
var special = map[reflect.Type]func(*rand.Rand) any{
	reflect.TypeFor[time.Time]():    func(r *rand.Rand) any { return time.Unix(r.Int64N(1<<31), 0).UTC() },
	reflect.TypeFor[netip.Addr]():   func(r *rand.Rand) any { return netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(255))}) },
	reflect.TypeFor[netip.Prefix](): func(r *rand.Rand) any { return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, 0}), r.IntN(32)) },
	reflect.TypeFor[network.Port](): func(r *rand.Rand) any {
		return network.MustParsePort(fmt.Sprintf("%d/%s", 1+r.IntN(99), []string{"tcp", "udp", "sctp"}[r.IntN(3)]))
	},
	reflect.TypeFor[network.HardwareAddr](): func(r *rand.Rand) any { return network.HardwareAddr{2, 0, 0, 0, 0, byte(r.IntN(255))} },
	reflect.TypeFor[json.RawMessage]():      func(*rand.Rand) any { return json.RawMessage(`{"a":1}`) },
}

// fill puts something into a value; often nothing.
func fill(random *rand.Rand, v reflect.Value, depth int) {
	if make, ok := special[v.Type()]; ok {
		v.Set(reflect.ValueOf(make(random)))
		return
	}
	few := func() int { return random.IntN(3) * min(1, max(0, 7-depth)) }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(random, v.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		if random.IntN(4) > 0 && depth < 9 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(random, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := few(); n > 0 || random.IntN(2) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(random, v.Index(i), depth+1)
		}
	case reflect.Map:
		if random.IntN(2) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range few() {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(random, key, depth+1)
				fill(random, value, depth+1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.String:
		v.SetString(words[random.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(random.IntN(2) > 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(random.IntN(4)) * int64(random.IntN(40)))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(random.IntN(4)) * uint64(random.IntN(40)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(random.IntN(9)) / 4)
	}
}
