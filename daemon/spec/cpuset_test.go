//go:build linux

package spec

import (
	"errors"
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestCheckCPUSet(t *testing.T) {
	t.Parallel()
	k := &Kernel{cpus: "0-3,6", mems: "0"}
	for _, c := range []struct{ cpus, mems, want string }{
		{"", "", ""}, {"0", "0", ""}, {"1-3,6", "", ""}, {"0-1,0", "", ""},
		{"4", "", "Requested CPUs are not available - requested 4, available: 0-3,6"},
		{"0-6", "", "Requested CPUs are not available - requested 0-6, available: 0-3,6"},
		{"", "1", "Requested memory nodes are not available - requested 1, available: 0"},
		{"x", "", "Invalid value x for cpuset cpus: invalid format: x: invalid argument"},
		{"0-", "", "Invalid value 0- for cpuset cpus: invalid format: 0-: invalid argument"},
		{"3-1", "", "Invalid value 3-1 for cpuset cpus: invalid format: 3-1: invalid argument"},
		{"0-65535", "", "Invalid value 0-65535 for cpuset cpus: invalid format: 0-65535: invalid argument"},
		{"", ",", "Invalid value , for cpuset mems: invalid format: ,: invalid argument"},
	} {
		got := ""
		err := k.CheckCPUSet(container.Resources{CpusetCpus: c.cpus, CpusetMems: c.mems})
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("cpus %q, mems %q: %q, want %q", c.cpus, c.mems, got, c.want)
		}
	}
	if err := (&Kernel{}).CheckCPUSet(container.Resources{CpusetCpus: "77"}); err != nil {
		t.Errorf("what the host has is not known: %v", err)
	}
}

func TestReadCPUSet(t *testing.T) {
	t.Parallel()
	k, err := ReadKernel()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.CheckCPUSet(container.Resources{CpusetCpus: "0"}); k.Controllers.Cpuset && (k.cpus == "" || err != nil) {
		t.Errorf("processors %q, the first: %v", k.cpus, err)
	}
}
