package catalog

import "testing"

// peerVersions are the schema versions of kreuzwerker/docker 4.5, and the highest it ever had.
var peerVersions = map[string]int64{
	"buildx_builder": 0, "compose": 0, "config": 0, "container": 2, "image": 0, "network": 1, "plugin": 0, "registry_image": 0,
	"secret": 1, "service": 2, "tag": 0, "volume": 1,
}

// Terraform refuses a state whose schema version is above the provider's own before the provider sees it, so ours count
// as the peer's do, or on from there.
func TestVersionsTakePeerStates(t *testing.T) {
	t.Parallel()
	resources, err := Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources {
		if peer := peerVersions[r.Name()]; r.Node().Version < peer {
			t.Errorf("docker_%s has schema version %d, kreuzwerker/docker writes %d: its states would be refused", r.Name(), r.Node().Version, peer)
		}
	}
}
