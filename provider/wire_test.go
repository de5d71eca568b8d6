package provider

import "testing"

// Providers on Terraform's older SDK leave "null" as the private state of what has no version of its schema.
func TestPrivateOfOthers(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "null", "{}"} {
		p, ok := openPrivate([]byte(raw))
		if !ok {
			t.Errorf("%q is not understood", raw)
			continue
		}
		p.SetKey(t.Context(), "a", []byte("1"))
		if got, want := string(p.bytes()), `{"a":"MQ=="}`; got != want {
			t.Errorf("%q becomes %s, want %s", raw, got, want)
		}
	}
	if _, ok := openPrivate([]byte(`{"schema_version":"1"}`)); ok {
		t.Error("what is no base64 of ours is understood")
	}
}
