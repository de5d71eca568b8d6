package compose

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
)

// resources are the limits and devices of a service. What deploy says comes before the service's own keys.
func resources(s types.ServiceConfig) container.Resources {
	r := container.Resources{
		CgroupParent: s.CgroupParent, Memory: int64(s.MemLimit), MemorySwap: int64(s.MemSwapLimit), MemoryReservation: int64(s.MemReservation),
		CPUCount: s.CPUCount, CPUPercent: int64(s.CPUPercent * 100), CPUPeriod: s.CPUPeriod, CPUQuota: s.CPUQuota, CPUShares: s.CPUShares,
		CPURealtimePeriod: s.CPURTPeriod, CPURealtimeRuntime: s.CPURTRuntime, NanoCPUs: int64(float64(s.CPUS) * 1e9), CpusetCpus: s.CPUSet,
		DeviceCgroupRules: s.DeviceCgroupRules, Ulimits: ulimits(s.Ulimits),
	}
	if s.MemSwappiness != 0 {
		r.MemorySwappiness = new(int64(s.MemSwappiness))
	}
	if s.OomKillDisable {
		r.OomKillDisable = new(true)
	}
	if s.PidsLimit != 0 {
		r.PidsLimit = new(s.PidsLimit)
	}
	blkio(s.BlkioConfig, &r)
	if s.Deploy != nil {
		limits(s.Deploy.Resources, &r)
	}
	devices(s, &r)
	return r
}

func limits(from types.Resources, r *container.Resources) {
	if l := from.Limits; l != nil {
		if l.MemoryBytes != 0 {
			r.Memory = int64(l.MemoryBytes)
		}
		if l.NanoCPUs != 0 {
			r.NanoCPUs = int64(float64(l.NanoCPUs) * 1e9)
		}
		if l.Pids > 0 {
			r.PidsLimit = new(l.Pids)
		}
	}
	if reserved := from.Reservations; reserved != nil {
		if reserved.MemoryBytes != 0 {
			r.MemoryReservation = int64(reserved.MemoryBytes)
		}
		for _, d := range reserved.Devices {
			r.DeviceRequests = append(r.DeviceRequests, request(d, d.Capabilities))
		}
	}
}

// devices maps those of the host; a name of the form vendor/class=name is one of CDI.
func devices(s types.ServiceConfig, r *container.Resources) {
	var cdi []string
	for _, d := range s.Devices {
		kind, name, named := strings.Cut(d.Source, "=")
		if named && name != "" && strings.Contains(kind, "/") && !strings.HasPrefix(kind, "/") && d.Source == d.Target {
			cdi = append(cdi, d.Source)
			continue
		}
		r.Devices = append(r.Devices, container.DeviceMapping{PathOnHost: d.Source, PathInContainer: d.Target, CgroupPermissions: d.Permissions})
	}
	if len(cdi) > 0 {
		r.DeviceRequests = append(r.DeviceRequests, container.DeviceRequest{Driver: "cdi", DeviceIDs: cdi})
	}
	for _, g := range s.Gpus {
		r.DeviceRequests = append(r.DeviceRequests, request(g, append(slices.Clone(g.Capabilities), "gpu")))
	}
}

func request(d types.DeviceRequest, capabilities []string) container.DeviceRequest {
	return container.DeviceRequest{
		Driver: d.Driver, Count: int(d.Count), DeviceIDs: d.IDs, Capabilities: [][]string{capabilities}, Options: d.Options,
	}
}

func ulimits(from map[string]*types.UlimitsConfig) []*container.Ulimit {
	var all []*container.Ulimit
	for _, name := range sorted(from) {
		u := from[name]
		limit := &container.Ulimit{Name: name, Soft: int64(u.Single), Hard: int64(u.Single)}
		if u.Soft != 0 {
			limit.Soft = int64(u.Soft)
		}
		if u.Hard != 0 {
			limit.Hard = int64(u.Hard)
		}
		all = append(all, limit)
	}
	return all
}

func blkio(b *types.BlkioConfig, r *container.Resources) {
	if b == nil {
		return
	}
	r.BlkioWeight = b.Weight
	for _, d := range b.WeightDevice {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, &blkiodev.WeightDevice{Path: d.Path, Weight: d.Weight})
	}
	rates := func(from []types.ThrottleDevice) []*blkiodev.ThrottleDevice {
		var all []*blkiodev.ThrottleDevice
		for _, d := range from {
			all = append(all, &blkiodev.ThrottleDevice{Path: d.Path, Rate: uint64(d.Rate)})
		}
		return all
	}
	r.BlkioDeviceReadBps, r.BlkioDeviceReadIOps = rates(b.DeviceReadBps), rates(b.DeviceReadIOps)
	r.BlkioDeviceWriteBps, r.BlkioDeviceWriteIOps = rates(b.DeviceWriteBps), rates(b.DeviceWriteIOps)
}
