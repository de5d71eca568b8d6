package imageref_test

import (
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/imageref"
)

func TestIsID(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("0123456789abcdef", 4)
	for s, want := range map[string]bool{
		hex: true, "sha256:" + hex: true,
		"": false, "sha256:": false, hex[1:]: false, hex + "0": false, "sha512:" + hex: false, "sha256:sha256:" + hex: false,
		strings.ToUpper(hex): false, hex + "\n": false, hex[:30] + "-" + hex[31:]: false, "app@sha256:" + hex: false,
	} {
		if got := imageref.IsID(s); got != want {
			t.Errorf("IsID(%q) = %v", s, got)
		}
	}
}
