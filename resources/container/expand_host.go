package container

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	cdiDriver = "cdi"
	// hostGateway stands for the host's own address in extra hosts.
	hostGateway = "host-gateway"
)

func expandHost(m Model) (*container.HostConfig, error) {
	h := &container.HostConfig{
		AutoRemove: m.Rm.ValueBool(), Privileged: m.Privileged.ValueBool(), PublishAllPorts: m.PublishAllPorts.ValueBool(),
		ReadonlyRootfs: m.ReadOnly.ValueBool(), Runtime: m.Runtime.ValueString(),
		NetworkMode: container.NetworkMode(createMode(m)), IpcMode: container.IpcMode(m.IpcMode.ValueString()),
		PidMode: container.PidMode(m.PidMode.ValueString()), UsernsMode: container.UsernsMode(m.UsernsMode.ValueString()),
		CgroupnsMode: container.CgroupnsMode(m.CgroupnsMode.ValueString()),
		DNSOptions:   sorted(m.DNSOpts), DNSSearch: sorted(m.DNSSearch),
		GroupAdd: sorted(m.GroupAdd), SecurityOpt: sorted(m.SecurityOpts),
		StorageOpt: mapping(m.StorageOpts), Sysctls: mapping(m.Sysctls), Tmpfs: mapping(m.Tmpfs),
		ShmSize:       m.ShmSize.ValueInt64() * mebibyte,
		RestartPolicy: expandRestart(m),
		LogConfig:     container.LogConfig{Type: m.LogDriver.ValueString(), Config: mapping(m.LogOpts)},
		Binds:         expandBinds(m.Volumes), VolumesFrom: volumesFrom(m.Volumes), Mounts: expandMounts(m.Mounts),
	}
	if given(m.Init) {
		h.Init = new(m.Init.ValueBool())
	}
	h.CapAdd, h.CapDrop = expandCapabilities(m.Capabilities)
	for _, e := range m.Hosts.Items {
		h.ExtraHosts = append(h.ExtraHosts, e.Host.ValueString()+":"+e.IP.ValueString())
	}
	for _, s := range sorted(m.DNS) {
		address, err := netip.ParseAddr(s)
		if err != nil {
			return nil, contract.At("dns", "%w", err)
		}
		h.DNS = append(h.DNS, address)
	}
	var err error
	if h.PortBindings, err = expandPorts(m.Ports); err != nil {
		return nil, err
	}
	h.Resources, err = expandResources(m)
	return h, err
}

func expandRestart(m Model) container.RestartPolicy {
	p := container.RestartPolicy{Name: container.RestartPolicyMode(m.Restart.ValueString())}
	if p.IsOnFailure() {
		p.MaximumRetryCount = int(m.MaxRetryCount.ValueInt64())
	}
	return p
}

// expandResources returns the limits of a new container.
func expandResources(m Model) (container.Resources, error) {
	r := container.Resources{
		CPUShares: m.CPUShares.ValueInt64(), CPUPeriod: m.CPUPeriod.ValueInt64(), CPUQuota: m.CPUQuota.ValueInt64(),
		CpusetCpus: m.CPUSet.ValueString(), CgroupParent: m.CgroupParent.ValueString(),
		Memory:            m.Memory.ValueInt64() * mebibyte,
		MemoryReservation: m.MemoryReservation.ValueInt64() * mebibyte,
		MemorySwap:        expandSwap(m.MemorySwap.ValueInt64()),

		BlkioDeviceReadBps: expandRates(m.DeviceReadBps), BlkioDeviceWriteBps: expandRates(m.DeviceWriteBps),
		BlkioDeviceReadIOps: expandRates(m.DeviceReadIOps), BlkioDeviceWriteIOps: expandRates(m.DeviceWriteIOps),
	}
	var err error
	if r.NanoCPUs, err = nanoCPUs(m.CPUs.ValueString()); err != nil {
		return r, contract.At("cpus", "%w", err)
	}
	for _, u := range m.Ulimits.Items {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name.ValueString(), Soft: u.Soft.ValueInt64(), Hard: u.Hard.ValueInt64()})
	}
	for _, d := range m.Devices.Items {
		r.Devices = append(r.Devices, expandDevice(d))
	}
	if r.DeviceRequests, err = expandRequests(m); err != nil {
		return r, err
	}
	return r, nil
}

// expandSwap keeps -1, which is unlimited and no amount.
func expandSwap(mebi int64) int64 {
	if mebi < 0 {
		return -1
	}
	return mebi * mebibyte
}

func expandRates(b contract.Blocks[DeviceRate]) []*blkiodev.ThrottleDevice {
	var out []*blkiodev.ThrottleDevice
	for _, d := range b.Items {
		out = append(out, &blkiodev.ThrottleDevice{Path: d.Path.ValueString(), Rate: uint64(d.Rate.ValueInt64())})
	}
	return out
}

func expandDevice(d Device) container.DeviceMapping {
	m := container.DeviceMapping{PathOnHost: d.HostPath.ValueString(), PathInContainer: d.ContainerPath.ValueString(), CgroupPermissions: d.Permissions.ValueString()}
	if m.PathInContainer == "" {
		m.PathInContainer = m.PathOnHost
	}
	return m
}

func expandRequests(m Model) ([]container.DeviceRequest, error) {
	var out []container.DeviceRequest
	if s := m.GPUs.ValueString(); s != "" {
		r, err := parseGPUs(s)
		if err != nil {
			return nil, contract.At("gpus", "%w", err)
		}
		out = append(out, r)
	}
	for _, d := range m.DeviceRequests.Items {
		r := container.DeviceRequest{
			Driver: d.Driver.ValueString(), Count: int(d.Count.ValueInt64()), DeviceIDs: sorted(d.DeviceIDs), Options: mapping(d.Options),
		}
		if capabilities := sorted(d.Capabilities); capabilities != nil {
			r.Capabilities = [][]string{capabilities}
		}
		out = append(out, r)
	}
	return out, nil
}

func expandPorts(b contract.Blocks[Port]) (network.PortMap, error) {
	if len(b.Items) == 0 {
		return nil, nil
	}
	out := network.PortMap{}
	for i, p := range b.Items {
		port, err := expandPort(p)
		if err != nil {
			return nil, contract.At(fmt.Sprintf("ports[%d].internal", i), "%w", err)
		}
		binding := network.PortBinding{}
		if ip := strings.Trim(cmp.Or(p.IP.ValueString(), anyAddress), "[]"); ip != "" {
			if binding.HostIP, err = netip.ParseAddr(ip); err != nil {
				return nil, contract.At(fmt.Sprintf("ports[%d].ip", i), "%w", err)
			}
		}
		if n := p.External.ValueInt64(); n != 0 {
			binding.HostPort = strconv.FormatInt(n, 10)
		}
		out[port] = append(out[port], binding)
	}
	return out, nil
}
