package info

import "github.com/hashicorp/terraform-plugin-framework/types"

// Model is the answer; there is nothing to ask.
type Model struct {
	ID                   types.String `tfsdk:"id"`
	Name                 types.String `tfsdk:"name"`
	ServerVersion        types.String `tfsdk:"server_version"`
	OperatingSystem      types.String `tfsdk:"operating_system"`
	OSType               types.String `tfsdk:"os_type"`
	OSVersion            types.String `tfsdk:"os_version"`
	Architecture         types.String `tfsdk:"architecture"`
	KernelVersion        types.String `tfsdk:"kernel_version"`
	NCPU                 types.Int64  `tfsdk:"ncpu"`
	MemTotal             types.Int64  `tfsdk:"mem_total"`
	Containers           types.Int64  `tfsdk:"containers"`
	ContainersRunning    types.Int64  `tfsdk:"containers_running"`
	ContainersPaused     types.Int64  `tfsdk:"containers_paused"`
	ContainersStopped    types.Int64  `tfsdk:"containers_stopped"`
	Images               types.Int64  `tfsdk:"images"`
	Driver               types.String `tfsdk:"driver"`
	DriverStatus         types.Map    `tfsdk:"driver_status"`
	DockerRootDir        types.String `tfsdk:"docker_root_dir"`
	LoggingDriver        types.String `tfsdk:"logging_driver"`
	CgroupDriver         types.String `tfsdk:"cgroup_driver"`
	CgroupVersion        types.String `tfsdk:"cgroup_version"`
	DefaultRuntime       types.String `tfsdk:"default_runtime"`
	Runtimes             types.List   `tfsdk:"runtimes"`
	Isolation            types.String `tfsdk:"isolation"`
	SecurityOptions      types.List   `tfsdk:"security_options"`
	Labels               types.List   `tfsdk:"labels"`
	VolumePlugins        types.List   `tfsdk:"volume_plugins"`
	NetworkPlugins       types.List   `tfsdk:"network_plugins"`
	LogPlugins           types.List   `tfsdk:"log_plugins"`
	AuthorizationPlugins types.List   `tfsdk:"authorization_plugins"`
	IndexServerAddress   types.String `tfsdk:"index_server_address"`
	InsecureRegistries   types.List   `tfsdk:"insecure_registries"`
	RegistryMirrors      types.List   `tfsdk:"registry_mirrors"`
	SwarmState           types.String `tfsdk:"swarm_state"`
	SwarmNodeID          types.String `tfsdk:"swarm_node_id"`
	SwarmManager         types.Bool   `tfsdk:"swarm_manager"`
	LiveRestoreEnabled   types.Bool   `tfsdk:"live_restore_enabled"`
	Experimental         types.Bool   `tfsdk:"experimental"`
	Debug                types.Bool   `tfsdk:"debug"`
	MemoryLimit          types.Bool   `tfsdk:"memory_limit"`
	SwapLimit            types.Bool   `tfsdk:"swap_limit"`
	CPUCfsPeriod         types.Bool   `tfsdk:"cpu_cfs_period"`
	CPUCfsQuota          types.Bool   `tfsdk:"cpu_cfs_quota"`
	CPUShares            types.Bool   `tfsdk:"cpu_shares"`
	CPUSet               types.Bool   `tfsdk:"cpu_set"`
	PidsLimit            types.Bool   `tfsdk:"pids_limit"`
	OomKillDisable       types.Bool   `tfsdk:"oom_kill_disable"`
	IPv4Forwarding       types.Bool   `tfsdk:"ipv4_forwarding"`
	InitBinary           types.String `tfsdk:"init_binary"`
	Warnings             types.List   `tfsdk:"warnings"`
}
