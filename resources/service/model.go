package service

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// Model is a service as declared, planned or observed.
type Model struct {
	ID             types.String                  `tfsdk:"id"`
	Name           types.String                  `tfsdk:"name"`
	Labels         contract.Blocks[swarm.Label]  `tfsdk:"labels"`
	Auth           contract.Blocks[Auth]         `tfsdk:"auth"`
	Mode           contract.Blocks[Mode]         `tfsdk:"mode"`
	TaskSpec       contract.Blocks[TaskSpec]     `tfsdk:"task_spec"`
	UpdateConfig   contract.Blocks[UpdateConfig] `tfsdk:"update_config"`
	RollbackConfig contract.Blocks[UpdateConfig] `tfsdk:"rollback_config"`
	EndpointSpec   contract.Blocks[EndpointSpec] `tfsdk:"endpoint_spec"`
	ConvergeConfig contract.Blocks[Converge]     `tfsdk:"converge_config"`
}

// Auth is how nodes get the image from a private registry.
type Auth struct {
	ServerAddress types.String `tfsdk:"server_address"`
	Username      types.String `tfsdk:"username"`
	Password      types.String `tfsdk:"password"`
}

// Mode is how many tasks there are.
type Mode struct {
	Global     types.Bool                  `tfsdk:"global"`
	Replicated contract.Blocks[Replicated] `tfsdk:"replicated"`
}

// Replicated is a number of tasks, wherever there is room.
type Replicated struct {
	Replicas types.Int64 `tfsdk:"replicas"`
}

// UpdateConfig is how an update or a rollback proceeds.
type UpdateConfig struct {
	Parallelism     types.Int64  `tfsdk:"parallelism"`
	Delay           types.String `tfsdk:"delay"`
	FailureAction   types.String `tfsdk:"failure_action"`
	Monitor         types.String `tfsdk:"monitor"`
	MaxFailureRatio types.String `tfsdk:"max_failure_ratio"`
	Order           types.String `tfsdk:"order"`
}

// EndpointSpec is how the service is reached.
type EndpointSpec struct {
	Mode  types.String          `tfsdk:"mode"`
	Ports contract.Blocks[Port] `tfsdk:"ports"`
}

// Port is one published port.
type Port struct {
	Name          types.String `tfsdk:"name"`
	Protocol      types.String `tfsdk:"protocol"`
	TargetPort    types.Int64  `tfsdk:"target_port"`
	PublishedPort types.Int64  `tfsdk:"published_port"`
	PublishMode   types.String `tfsdk:"publish_mode"`
}

// Converge is how long to wait until the service runs as declared.
type Converge struct {
	Delay   types.String `tfsdk:"delay"`
	Timeout types.String `tfsdk:"timeout"`
}

// TaskSpec is what a task is.
type TaskSpec struct {
	ContainerSpec contract.Blocks[ContainerSpec] `tfsdk:"container_spec"`
	Resources     contract.Blocks[Resources]     `tfsdk:"resources"`
	RestartPolicy contract.Blocks[RestartPolicy] `tfsdk:"restart_policy"`
	Placement     contract.Blocks[Placement]     `tfsdk:"placement"`
	Networks      contract.Blocks[Network]       `tfsdk:"networks_advanced"`
	LogDriver     contract.Blocks[LogDriver]     `tfsdk:"log_driver"`
	ForceUpdate   types.Int64                    `tfsdk:"force_update"`
	Runtime       types.String                   `tfsdk:"runtime"`
}

// Resources is what a task may use at most, and what is kept free for it.
type Resources struct {
	Limits      contract.Blocks[Limits]      `tfsdk:"limits"`
	Reservation contract.Blocks[Reservation] `tfsdk:"reservation"`
}

// Limits is what a task may use at most.
type Limits struct {
	NanoCPUs    types.Int64 `tfsdk:"nano_cpus"`
	MemoryBytes types.Int64 `tfsdk:"memory_bytes"`
}

// Reservation is what a node must have free for a task.
type Reservation struct {
	NanoCPUs         types.Int64                       `tfsdk:"nano_cpus"`
	MemoryBytes      types.Int64                       `tfsdk:"memory_bytes"`
	GenericResources contract.Blocks[GenericResources] `tfsdk:"generic_resources"`
}

// GenericResources are those nodes advertise themselves, "kind=value".
type GenericResources struct {
	Named    types.Set `tfsdk:"named_resources_spec"`
	Discrete types.Set `tfsdk:"discrete_resources_spec"`
}

// RestartPolicy says when a task that ended is followed by another.
type RestartPolicy struct {
	Condition   types.String `tfsdk:"condition"`
	Delay       types.String `tfsdk:"delay"`
	MaxAttempts types.Int64  `tfsdk:"max_attempts"`
	Window      types.String `tfsdk:"window"`
}

// Placement says on which nodes tasks may run.
type Placement struct {
	Constraints types.Set                 `tfsdk:"constraints"`
	Prefs       types.Set                 `tfsdk:"prefs"`
	MaxReplicas types.Int64               `tfsdk:"max_replicas"`
	Platforms   contract.Blocks[Platform] `tfsdk:"platforms"`
}

// Platform is a kind of node.
type Platform struct {
	Architecture types.String `tfsdk:"architecture"`
	OS           types.String `tfsdk:"os"`
}

// Network is one network of the tasks.
type Network struct {
	ID         types.String `tfsdk:"id"`
	Name       types.String `tfsdk:"name"`
	Aliases    types.Set    `tfsdk:"aliases"`
	DriverOpts types.Set    `tfsdk:"driver_opts"`
}

// LogDriver is where the tasks' output goes.
type LogDriver struct {
	Name    types.String `tfsdk:"name"`
	Options types.Map    `tfsdk:"options"`
}

// ContainerSpec is what the container of a task is.
type ContainerSpec struct {
	Image           types.String                 `tfsdk:"image"`
	Labels          contract.Blocks[swarm.Label] `tfsdk:"labels"`
	Command         types.List                   `tfsdk:"command"`
	Args            types.List                   `tfsdk:"args"`
	Hostname        types.String                 `tfsdk:"hostname"`
	Env             types.Map                    `tfsdk:"env"`
	Dir             types.String                 `tfsdk:"dir"`
	User            types.String                 `tfsdk:"user"`
	Groups          types.List                   `tfsdk:"groups"`
	Privileges      contract.Blocks[Privileges]  `tfsdk:"privileges"`
	ReadOnly        types.Bool                   `tfsdk:"read_only"`
	Init            types.Bool                   `tfsdk:"init"`
	Mounts          contract.Blocks[Mount]       `tfsdk:"mounts"`
	StopSignal      types.String                 `tfsdk:"stop_signal"`
	StopGracePeriod types.String                 `tfsdk:"stop_grace_period"`
	Healthcheck     contract.Blocks[Healthcheck] `tfsdk:"healthcheck"`
	Hosts           contract.Blocks[Host]        `tfsdk:"hosts"`
	DNSConfig       contract.Blocks[DNSConfig]   `tfsdk:"dns_config"`
	Secrets         contract.Blocks[SecretFile]  `tfsdk:"secrets"`
	Configs         contract.Blocks[ConfigFile]  `tfsdk:"configs"`
	Isolation       types.String                 `tfsdk:"isolation"`
	Sysctl          types.Map                    `tfsdk:"sysctl"`
	CapAdd          types.List                   `tfsdk:"cap_add"`
	CapDrop         types.List                   `tfsdk:"cap_drop"`
}

// Privileges are what guards the container.
type Privileges struct {
	CredentialSpec contract.Blocks[CredentialSpec] `tfsdk:"credential_spec"`
	SELinuxContext contract.Blocks[SELinuxContext] `tfsdk:"se_linux_context"`
}

// CredentialSpec is that of a managed service account.
type CredentialSpec struct {
	File     types.String `tfsdk:"file"`
	Registry types.String `tfsdk:"registry"`
}

// SELinuxContext is the container's label.
type SELinuxContext struct {
	Disable types.Bool   `tfsdk:"disable"`
	User    types.String `tfsdk:"user"`
	Role    types.String `tfsdk:"role"`
	Type    types.String `tfsdk:"type"`
	Level   types.String `tfsdk:"level"`
}

// Mount is one mount.
type Mount struct {
	Target        types.String                   `tfsdk:"target"`
	Source        types.String                   `tfsdk:"source"`
	Type          types.String                   `tfsdk:"type"`
	ReadOnly      types.Bool                     `tfsdk:"read_only"`
	BindOptions   contract.Blocks[BindOptions]   `tfsdk:"bind_options"`
	VolumeOptions contract.Blocks[VolumeOptions] `tfsdk:"volume_options"`
	TmpfsOptions  contract.Blocks[TmpfsOptions]  `tfsdk:"tmpfs_options"`
}

// BindOptions are those of a bind mount.
type BindOptions struct {
	Propagation types.String `tfsdk:"propagation"`
}

// VolumeOptions are those of a volume made for the task.
type VolumeOptions struct {
	NoCopy        types.Bool                   `tfsdk:"no_copy"`
	Labels        contract.Blocks[swarm.Label] `tfsdk:"labels"`
	DriverName    types.String                 `tfsdk:"driver_name"`
	DriverOptions types.Map                    `tfsdk:"driver_options"`
}

// TmpfsOptions are those of a file system in memory.
type TmpfsOptions struct {
	SizeBytes types.Int64 `tfsdk:"size_bytes"`
	Mode      types.Int64 `tfsdk:"mode"`
}

// Healthcheck is how a container's health is tested.
type Healthcheck struct {
	Test        types.List   `tfsdk:"test"`
	Interval    types.String `tfsdk:"interval"`
	Timeout     types.String `tfsdk:"timeout"`
	StartPeriod types.String `tfsdk:"start_period"`
	Retries     types.Int64  `tfsdk:"retries"`
}

// Host is one line of the container's hosts file.
type Host struct {
	Host types.String `tfsdk:"host"`
	IP   types.String `tfsdk:"ip"`
}

// DNSConfig is how names are resolved.
type DNSConfig struct {
	Nameservers types.List `tfsdk:"nameservers"`
	Search      types.List `tfsdk:"search"`
	Options     types.List `tfsdk:"options"`
}

// SecretFile is one secret in the container.
type SecretFile struct {
	ID   types.String `tfsdk:"secret_id"`
	Name types.String `tfsdk:"secret_name"`
	File types.String `tfsdk:"file_name"`
	UID  types.String `tfsdk:"file_uid"`
	GID  types.String `tfsdk:"file_gid"`
	Mode types.Int64  `tfsdk:"file_mode"`
}

// ConfigFile is one config in the container.
type ConfigFile struct {
	ID   types.String `tfsdk:"config_id"`
	Name types.String `tfsdk:"config_name"`
	File types.String `tfsdk:"file_name"`
	UID  types.String `tfsdk:"file_uid"`
	GID  types.String `tfsdk:"file_gid"`
	Mode types.Int64  `tfsdk:"file_mode"`
}
