package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	dirty := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	tests := map[string]struct {
		main     string
		settings []debug.BuildSetting
		want     string
	}{
		"release":           {main: "v1.2.3", settings: []debug.BuildSetting{revision}, want: "v1.2.3"},
		"pseudo-version":    {main: "v0.0.0-20261122040244-0123456789ab", want: "v0.0.0-20261122040244-0123456789ab"},
		"working copy":      {main: "(devel)", settings: []debug.BuildSetting{revision}, want: "dev-0123456789ab"},
		"changed":           {main: "(devel)", settings: []debug.BuildSetting{revision, dirty}, want: "dev-0123456789ab+dirty"},
		"nothing known":     {main: "(devel)", want: "dev"},
		"short revision":    {settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}, want: "dev-abc"},
		"dirty but no base": {settings: []debug.BuildSetting{dirty}, want: "dev"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := &debug.BuildInfo{Main: debug.Module{Version: test.main}, Settings: test.settings}
			if got := of(info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
