package version

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want Version
		bad  bool
	}{
		{in: "1.41", want: Of(1, 41)},
		{in: "v1.2", want: Of(1, 2)},
		{in: "2.0", want: Of(2, 0)},
		{in: "", bad: true},
		{in: "1", bad: true},
		{in: "1.", bad: true},
		{in: ".1", bad: true},
		{in: "1.4.1", bad: true},
		{in: "1.-4", bad: true},
		{in: "+1.4", bad: true},
		{in: "1.70000", bad: true},
		{in: "1.41 ", bad: true},
	} {
		got, err := Parse(tc.in)
		if (err != nil) != tc.bad || got != tc.want {
			t.Errorf("Parse(%q) = %v, %v; want %v, error %v", tc.in, got, err, tc.want, tc.bad)
		}
	}
}

func TestCompareIsByNumber(t *testing.T) {
	t.Parallel()
	ordered := []Version{{}, Of(1, 2), Of(1, 9), Of(1, 18), Of(1, 100), Of(2, 0)}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.Before(b) != (i < j) || (a.Compare(b) == 0) != (i == j) {
				t.Errorf("%v against %v: before %v, compare %d", a, b, a.Before(b), a.Compare(b))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.41")
	f.Add("v1.2")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		if err != nil {
			return
		}
		if back, err := Parse(v.String()); err != nil || back != v {
			t.Errorf("%q is %v, read back %v, %v", s, v, back, err)
		}
	})
}
