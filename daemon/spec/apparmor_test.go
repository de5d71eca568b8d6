//go:build linux

package spec

import "testing"

// Who gets which AppArmor profile. The kernel of a test machine rarely has AppArmor; what libcontainer does with the name
// is its own.
func TestAppArmorProfile(t *testing.T) {
	t.Parallel()
	with := func(on bool) *Kernel {
		k := full()
		if k.AppArmor = on; on {
			k.DefaultAppArmor = "cleat-default"
		}
		return k
	}
	for name, test := range map[string]struct {
		kernel     *Kernel
		options    []string
		privileged bool
		want       string
	}{
		"by default":                {with(true), nil, false, "cleat-default"},
		"not on this kernel":        {with(false), nil, false, ""},
		"one of the user's":         {with(true), []string{"apparmor=mine"}, false, "mine"},
		"off":                       {with(true), []string{"apparmor=unconfined"}, false, ""},
		"privileged":                {with(true), nil, true, ""},
		"privileged, and asked for": {with(true), []string{"apparmor=mine"}, true, "mine"},
	} {
		o := options(image(t, "", ""))
		o.Host.SecurityOpt, o.Host.Privileged = test.options, test.privileged
		s, err := test.kernel.Build(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if told := test.kernel.AppArmorProfile(o.Host); s.Process.ApparmorProfile != test.want || told != test.want {
			t.Errorf("%s: specification %q, inspect %q, want %q", name, s.Process.ApparmorProfile, told, test.want)
		}
	}
}
