package container

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is one container, as declared or as observed. Sizes are in MiB, times in seconds, as the schema says.
type Model struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	Image         types.String `tfsdk:"image"`
	ImageID       types.String `tfsdk:"image_id"`
	Bridge        types.String `tfsdk:"bridge"`
	ContainerLogs types.String `tfsdk:"container_logs"`
	ExitCode      types.Int64  `tfsdk:"exit_code"`
	NetworkData   types.List   `tfsdk:"network_data"`
	UploadHash    types.String `tfsdk:"upload_hash"`

	Attach              types.Bool   `tfsdk:"attach"`
	DestroyGraceSeconds types.Int64  `tfsdk:"destroy_grace_seconds"`
	HandOverKey         types.String `tfsdk:"hand_over_key"`
	Logs                types.Bool   `tfsdk:"logs"`
	MustRun             types.Bool   `tfsdk:"must_run"`
	ReadTimeout         types.Int64  `tfsdk:"container_read_refresh_timeout_milliseconds"`
	RemoveVolumes       types.Bool   `tfsdk:"remove_volumes"`
	Rm                  types.Bool   `tfsdk:"rm"`
	Start               types.Bool   `tfsdk:"start"`
	Wait                types.Bool   `tfsdk:"wait"`
	WaitTimeout         types.Int64  `tfsdk:"wait_timeout"`

	Command      types.List   `tfsdk:"command"`
	Domainname   types.String `tfsdk:"domainname"`
	Entrypoint   types.List   `tfsdk:"entrypoint"`
	Env          types.Set    `tfsdk:"env"`
	EnvWO        types.Map    `tfsdk:"env_wo"`
	EnvWOVersion types.Int64  `tfsdk:"env_wo_version"`
	Hostname     types.String `tfsdk:"hostname"`
	Platform     types.String `tfsdk:"platform"`
	StdinOpen    types.Bool   `tfsdk:"stdin_open"`
	StopSignal   types.String `tfsdk:"stop_signal"`
	StopTimeout  types.Int64  `tfsdk:"stop_timeout"`
	TTY          types.Bool   `tfsdk:"tty"`
	User         types.String `tfsdk:"user"`
	WorkingDir   types.String `tfsdk:"working_dir"`

	CPUPeriod         types.Int64  `tfsdk:"cpu_period"`
	CPUQuota          types.Int64  `tfsdk:"cpu_quota"`
	CPUSet            types.String `tfsdk:"cpu_set"`
	CPUShares         types.Int64  `tfsdk:"cpu_shares"`
	CPUs              types.String `tfsdk:"cpus"`
	MaxRetryCount     types.Int64  `tfsdk:"max_retry_count"`
	Memory            types.Int64  `tfsdk:"memory"`
	MemoryReservation types.Int64  `tfsdk:"memory_reservation"`
	MemorySwap        types.Int64  `tfsdk:"memory_swap"`
	Restart           types.String `tfsdk:"restart"`
	ShmSize           types.Int64  `tfsdk:"shm_size"`

	CgroupParent    types.String `tfsdk:"cgroup_parent"`
	CgroupnsMode    types.String `tfsdk:"cgroupns_mode"`
	DNS             types.Set    `tfsdk:"dns"`
	DNSOpts         types.Set    `tfsdk:"dns_opts"`
	DNSSearch       types.Set    `tfsdk:"dns_search"`
	GPUs            types.String `tfsdk:"gpus"`
	GroupAdd        types.Set    `tfsdk:"group_add"`
	Init            types.Bool   `tfsdk:"init"`
	IpcMode         types.String `tfsdk:"ipc_mode"`
	LogDriver       types.String `tfsdk:"log_driver"`
	LogOpts         types.Map    `tfsdk:"log_opts"`
	NetworkMode     types.String `tfsdk:"network_mode"`
	PidMode         types.String `tfsdk:"pid_mode"`
	Privileged      types.Bool   `tfsdk:"privileged"`
	PublishAllPorts types.Bool   `tfsdk:"publish_all_ports"`
	ReadOnly        types.Bool   `tfsdk:"read_only"`
	Runtime         types.String `tfsdk:"runtime"`
	SecurityOpts    types.Set    `tfsdk:"security_opts"`
	StorageOpts     types.Map    `tfsdk:"storage_opts"`
	Sysctls         types.Map    `tfsdk:"sysctls"`
	Tmpfs           types.Map    `tfsdk:"tmpfs"`
	UsernsMode      types.String `tfsdk:"userns_mode"`

	Capabilities    contract.Blocks[Capabilities]  `tfsdk:"capabilities"`
	DeviceReadBps   contract.Blocks[DeviceRate]    `tfsdk:"device_read_bps"`
	DeviceReadIOps  contract.Blocks[DeviceRate]    `tfsdk:"device_read_iops"`
	DeviceRequests  contract.Blocks[DeviceRequest] `tfsdk:"device_requests"`
	DeviceWriteBps  contract.Blocks[DeviceRate]    `tfsdk:"device_write_bps"`
	DeviceWriteIOps contract.Blocks[DeviceRate]    `tfsdk:"device_write_iops"`
	Devices         contract.Blocks[Device]        `tfsdk:"devices"`
	Healthcheck     contract.Blocks[Healthcheck]   `tfsdk:"healthcheck"`
	Hosts           contract.Blocks[HostEntry]     `tfsdk:"host"`
	Labels          contract.Blocks[Label]         `tfsdk:"labels"`
	Mounts          contract.Blocks[Mount]         `tfsdk:"mounts"`
	Networks        contract.Blocks[Network]       `tfsdk:"networks_advanced"`
	Ports           contract.Blocks[Port]          `tfsdk:"ports"`
	Timeouts        contract.Blocks[Timeouts]      `tfsdk:"timeouts"`
	Ulimits         contract.Blocks[Ulimit]        `tfsdk:"ulimit"`
	Uploads         contract.Blocks[Upload]        `tfsdk:"upload"`
	Volumes         contract.Blocks[Volume]        `tfsdk:"volumes"`
	WaitFor         contract.Blocks[WaitFor]       `tfsdk:"wait_for"`
}

// Capabilities are the Linux capabilities added to and dropped from the engine's default set.
type Capabilities struct {
	Add  types.Set `tfsdk:"add"`
	Drop types.Set `tfsdk:"drop"`
}

// DeviceRate limits reads from or writes to one block device of the host: bytes or operations per second.
type DeviceRate struct {
	Path types.String `tfsdk:"path"`
	Rate types.Int64  `tfsdk:"rate"`
}

// DeviceRequest asks a device driver (GPUs, CDI) for devices.
type DeviceRequest struct {
	Capabilities types.Set    `tfsdk:"capabilities"`
	Count        types.Int64  `tfsdk:"count"`
	DeviceIDs    types.Set    `tfsdk:"device_ids"`
	Driver       types.String `tfsdk:"driver"`
	Options      types.Map    `tfsdk:"options"`
}

// Device gives the container a device node of the host.
type Device struct {
	ContainerPath types.String `tfsdk:"container_path"`
	HostPath      types.String `tfsdk:"host_path"`
	Permissions   types.String `tfsdk:"permissions"`
}

// Healthcheck is how the engine finds out whether the container works. Zero durations and retries mean what the
// image says, and the engine's default where it says nothing.
type Healthcheck struct {
	Interval      types.String `tfsdk:"interval"`
	Retries       types.Int64  `tfsdk:"retries"`
	StartInterval types.String `tfsdk:"start_interval"`
	StartPeriod   types.String `tfsdk:"start_period"`
	Test          types.List   `tfsdk:"test"`
	Timeout       types.String `tfsdk:"timeout"`
}

// HostEntry is a line of the container's /etc/hosts.
type HostEntry struct {
	Host types.String `tfsdk:"host"`
	IP   types.String `tfsdk:"ip"`
}

// Label is one label of the container, or of the volume a mount makes.
type Label struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

// Mount is a file system mounted by the long form.
type Mount struct {
	ReadOnly types.Bool   `tfsdk:"read_only"`
	Source   types.String `tfsdk:"source"`
	Target   types.String `tfsdk:"target"`
	Type     types.String `tfsdk:"type"`

	BindOptions   contract.Blocks[BindOptions]   `tfsdk:"bind_options"`
	TmpfsOptions  contract.Blocks[TmpfsOptions]  `tfsdk:"tmpfs_options"`
	VolumeOptions contract.Blocks[VolumeOptions] `tfsdk:"volume_options"`
}

// BindOptions belong to a mount of type bind.
type BindOptions struct {
	Propagation types.String `tfsdk:"propagation"`
}

// TmpfsOptions belong to a mount of type tmpfs. Mode is the decimal value of the permission bits.
type TmpfsOptions struct {
	Mode      types.Int64 `tfsdk:"mode"`
	SizeBytes types.Int64 `tfsdk:"size_bytes"`
}

// VolumeOptions belong to a mount of type volume; driver and labels count when the mount creates the volume.
type VolumeOptions struct {
	DriverName    types.String `tfsdk:"driver_name"`
	DriverOptions types.Map    `tfsdk:"driver_options"`
	NoCopy        types.Bool   `tfsdk:"no_copy"`
	Subpath       types.String `tfsdk:"subpath"`

	Labels contract.Blocks[Label] `tfsdk:"labels"`
}

// Network is the container's endpoint in one network.
type Network struct {
	Aliases      types.Set    `tfsdk:"aliases"`
	DriverOpts   types.Set    `tfsdk:"driver_opts"`
	GwPriority   types.Int64  `tfsdk:"gw_priority"`
	IPv4Address  types.String `tfsdk:"ipv4_address"`
	IPv6Address  types.String `tfsdk:"ipv6_address"`
	LinkLocalIPs types.Set    `tfsdk:"link_local_ips"`
	MacAddress   types.String `tfsdk:"mac_address"`
	Name         types.String `tfsdk:"name"`
}

// Port publishes a port of the container on the host.
type Port struct {
	External types.Int64  `tfsdk:"external"`
	Internal types.Int64  `tfsdk:"internal"`
	IP       types.String `tfsdk:"ip"`
	Protocol types.String `tfsdk:"protocol"`
}

// Timeouts bound operations; durations such as "10m".
type Timeouts struct {
	Create types.String `tfsdk:"create"`
	Delete types.String `tfsdk:"delete"`
	Update types.String `tfsdk:"update"`
}

// Ulimit is a resource limit of the container's processes.
type Ulimit struct {
	Hard types.Int64  `tfsdk:"hard"`
	Name types.String `tfsdk:"name"`
	Soft types.Int64  `tfsdk:"soft"`
}

// Upload is a file put into the container before it starts.
type Upload struct {
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Executable    types.Bool   `tfsdk:"executable"`
	File          types.String `tfsdk:"file"`
	Permissions   types.String `tfsdk:"permissions"`
	Source        types.String `tfsdk:"source"`
	SourceHash    types.String `tfsdk:"source_hash"`
}

// Volume is a mount in the short form of docker run -v, or all mounts of another container.
type Volume struct {
	ContainerPath  types.String `tfsdk:"container_path"`
	FromContainer  types.String `tfsdk:"from_container"`
	HostPath       types.String `tfsdk:"host_path"`
	ReadOnly       types.Bool   `tfsdk:"read_only"`
	SelinuxRelabel types.String `tfsdk:"selinux_relabel"`
	VolumeName     types.String `tfsdk:"volume_name"`
}
