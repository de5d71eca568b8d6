package image

import (
	"strings"

	"github.com/moby/moby/api/types/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// architectures are other names of an architecture.
var architectures = map[string]string{"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm", "armel": "arm"}

// parsePlatform reads os[/architecture[/variant]].
func parsePlatform(s string) ocispec.Platform {
	parts := append(strings.SplitN(s, "/", 3), "", "")
	p := ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
	if name, ok := architectures[p.Architecture]; ok {
		p.Architecture = name
	}
	return p
}

// isFor reports whether an image is for a platform; what either side does not say is no difference.
func isFor(i image.InspectResponse, platform string) bool {
	if platform == "" {
		return true
	}
	want := parsePlatform(platform)
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return same(i.Os, want.OS) && same(i.Architecture, want.Architecture) && same(i.Variant, want.Variant)
}

// platformOf is what an image is for, as a configuration spells it.
func platformOf(i image.InspectResponse) string {
	return strings.TrimRight(strings.Join([]string{i.Os, i.Architecture, i.Variant}, "/"), "/")
}
