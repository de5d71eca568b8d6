package info

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	Info(ctx context.Context, options moby.InfoOptions) (moby.SystemInfoResult, error)
}

// DataSource is docker_info.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "info" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	found, err := e.Info(ctx, moby.InfoOptions{})
	if err != nil {
		return config, fmt.Errorf("info of the engine: %w", err)
	}
	return flattenInfo(found.Info), nil
}

func flattenInfo(i system.Info) Model {
	return Model{
		ID:                   flatten.Text(i.ID),
		Name:                 flatten.Text(i.Name),
		ServerVersion:        flatten.Text(i.ServerVersion),
		OperatingSystem:      flatten.Text(i.OperatingSystem),
		OSType:               flatten.Text(i.OSType),
		OSVersion:            flatten.Text(i.OSVersion),
		Architecture:         flatten.Text(i.Architecture),
		KernelVersion:        flatten.Text(i.KernelVersion),
		NCPU:                 types.Int64Value(int64(i.NCPU)),
		MemTotal:             types.Int64Value(i.MemTotal),
		Containers:           types.Int64Value(int64(i.Containers)),
		ContainersRunning:    types.Int64Value(int64(i.ContainersRunning)),
		ContainersPaused:     types.Int64Value(int64(i.ContainersPaused)),
		ContainersStopped:    types.Int64Value(int64(i.ContainersStopped)),
		Images:               types.Int64Value(int64(i.Images)),
		Driver:               flatten.Text(i.Driver),
		DriverStatus:         flatten.TextMap(pairs(i.DriverStatus)),
		DockerRootDir:        flatten.Text(i.DockerRootDir),
		LoggingDriver:        flatten.Text(i.LoggingDriver),
		CgroupDriver:         flatten.Text(i.CgroupDriver),
		CgroupVersion:        flatten.Text(i.CgroupVersion),
		DefaultRuntime:       flatten.Text(i.DefaultRuntime),
		Runtimes:             flatten.Keys(i.Runtimes),
		Isolation:            flatten.Text(i.Isolation),
		SecurityOptions:      flatten.Texts(i.SecurityOptions),
		Labels:               flatten.Texts(i.Labels),
		VolumePlugins:        flatten.Texts(i.Plugins.Volume),
		NetworkPlugins:       flatten.Texts(i.Plugins.Network),
		LogPlugins:           flatten.Texts(i.Plugins.Log),
		AuthorizationPlugins: flatten.Texts(i.Plugins.Authorization),
		IndexServerAddress:   flatten.Text(i.IndexServerAddress),
		InsecureRegistries:   flatten.Texts(insecure(i.RegistryConfig)),
		RegistryMirrors:      flatten.Texts(mirrors(i.RegistryConfig)),
		SwarmState:           flatten.Text(i.Swarm.LocalNodeState),
		SwarmNodeID:          flatten.Text(i.Swarm.NodeID),
		SwarmManager:         types.BoolValue(i.Swarm.ControlAvailable),
		LiveRestoreEnabled:   types.BoolValue(i.LiveRestoreEnabled),
		Experimental:         types.BoolValue(i.ExperimentalBuild),
		Debug:                types.BoolValue(i.Debug),
		MemoryLimit:          types.BoolValue(i.MemoryLimit),
		SwapLimit:            types.BoolValue(i.SwapLimit),
		CPUCfsPeriod:         types.BoolValue(i.CPUCfsPeriod),
		CPUCfsQuota:          types.BoolValue(i.CPUCfsQuota),
		CPUShares:            types.BoolValue(i.CPUShares),
		CPUSet:               types.BoolValue(i.CPUSet),
		PidsLimit:            types.BoolValue(i.PidsLimit),
		OomKillDisable:       types.BoolValue(i.OomKillDisable),
		IPv4Forwarding:       types.BoolValue(i.IPv4Forwarding),
		InitBinary:           flatten.Text(i.InitBinary),
		Warnings:             flatten.Texts(i.Warnings),
	}
}

// pairs turns the engine's list of label and value into a map; of a label given twice the last value counts.
func pairs(list [][2]string) map[string]string {
	m := make(map[string]string, len(list))
	for _, p := range list {
		m[p[0]] = p[1]
	}
	return m
}

func insecure(c *registry.ServiceConfig) []string {
	if c == nil {
		return nil
	}
	var all []string
	for _, p := range c.InsecureRegistryCIDRs {
		all = append(all, p.String())
	}
	for name, index := range c.IndexConfigs {
		if index != nil && !index.Secure {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func mirrors(c *registry.ServiceConfig) []string {
	if c == nil {
		return nil
	}
	return c.Mirrors
}
