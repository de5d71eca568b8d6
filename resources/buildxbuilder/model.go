package buildxbuilder

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is a docker_buildx_builder as states of kreuzwerker/docker have it.
type Model struct {
	ID              types.String                     `tfsdk:"id"`
	Append          types.Bool                       `tfsdk:"append"`
	Bootstrap       types.Bool                       `tfsdk:"bootstrap"`
	BuildkitConfig  types.String                     `tfsdk:"buildkit_config"`
	BuildkitFlags   types.String                     `tfsdk:"buildkit_flags"`
	Driver          types.String                     `tfsdk:"driver"`
	DriverOptions   types.Map                        `tfsdk:"driver_options"`
	Endpoint        types.String                     `tfsdk:"endpoint"`
	Name            types.String                     `tfsdk:"name"`
	Node            types.String                     `tfsdk:"node"`
	Platform        types.List                       `tfsdk:"platform"`
	Use             types.Bool                       `tfsdk:"use"`
	DockerContainer contract.Blocks[DockerContainer] `tfsdk:"docker_container"`
	Kubernetes      contract.Blocks[Kubernetes]      `tfsdk:"kubernetes"`
	Remote          contract.Blocks[Remote]          `tfsdk:"remote"`
}

// DockerContainer is the driver that runs BuildKit in a container.
type DockerContainer struct {
	CgroupParent  types.String `tfsdk:"cgroup_parent"`
	CPUPeriod     types.String `tfsdk:"cpu_period"`
	CPUQuota      types.String `tfsdk:"cpu_quota"`
	CPUShares     types.String `tfsdk:"cpu_shares"`
	CpusetCPUs    types.String `tfsdk:"cpuset_cpus"`
	CpusetMems    types.String `tfsdk:"cpuset_mems"`
	DefaultLoad   types.Bool   `tfsdk:"default_load"`
	Env           types.Map    `tfsdk:"env"`
	Image         types.String `tfsdk:"image"`
	Memory        types.String `tfsdk:"memory"`
	MemorySwap    types.String `tfsdk:"memory_swap"`
	Network       types.String `tfsdk:"network"`
	RestartPolicy types.String `tfsdk:"restart_policy"`
}

// Kubernetes is the driver that runs BuildKit in a cluster.
type Kubernetes struct {
	Annotations    types.String                `tfsdk:"annotations"`
	DefaultLoad    types.Bool                  `tfsdk:"default_load"`
	Image          types.String                `tfsdk:"image"`
	Labels         types.String                `tfsdk:"labels"`
	Loadbalance    types.String                `tfsdk:"loadbalance"`
	Namespace      types.String                `tfsdk:"namespace"`
	Nodeselector   types.String                `tfsdk:"nodeselector"`
	Replicas       types.Int64                 `tfsdk:"replicas"`
	Rootless       types.Bool                  `tfsdk:"rootless"`
	Schedulername  types.String                `tfsdk:"schedulername"`
	Serviceaccount types.String                `tfsdk:"serviceaccount"`
	Timeout        types.String                `tfsdk:"timeout"`
	Tolerations    types.String                `tfsdk:"tolerations"`
	Limits         contract.Blocks[Quantities] `tfsdk:"limits"`
	Requests       contract.Blocks[Quantities] `tfsdk:"requests"`
	Qemu           contract.Blocks[QEMU]       `tfsdk:"qemu"`
}

// Quantities is what a pod may take.
type Quantities struct {
	CPU              types.String `tfsdk:"cpu"`
	EphemeralStorage types.String `tfsdk:"ephemeral_storage"`
	Memory           types.String `tfsdk:"memory"`
}

// QEMU is the emulation of other platforms.
type QEMU struct {
	Image   types.String `tfsdk:"image"`
	Install types.Bool   `tfsdk:"install"`
}

// Remote is the driver that reaches a BuildKit elsewhere.
type Remote struct {
	Cacert      types.String `tfsdk:"cacert"`
	Cert        types.String `tfsdk:"cert"`
	DefaultLoad types.Bool   `tfsdk:"default_load"`
	Key         types.String `tfsdk:"key"`
	Servername  types.String `tfsdk:"servername"`
}
