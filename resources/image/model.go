package image

import (
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is a docker_image.
type Model struct {
	ID           types.String              `tfsdk:"id"`
	Name         types.String              `tfsdk:"name"`
	ImageID      types.String              `tfsdk:"image_id"`
	RepoDigest   types.String              `tfsdk:"repo_digest"`
	Platform     types.String              `tfsdk:"platform"`
	KeepLocally  types.Bool                `tfsdk:"keep_locally"`
	ForceRemove  types.Bool                `tfsdk:"force_remove"`
	PullTriggers types.Set                 `tfsdk:"pull_triggers"`
	Triggers     types.Map                 `tfsdk:"triggers"`
	BuildContext types.Map                 `tfsdk:"build_context"`
	Build        contract.Blocks[Build]    `tfsdk:"build"`
	Timeouts     contract.Blocks[Timeouts] `tfsdk:"timeouts"`
}

// Build is its build block.
type Build struct {
	Context            types.String                `tfsdk:"context"`
	Dockerfile         types.String                `tfsdk:"dockerfile"`
	RemoteContext      types.String                `tfsdk:"remote_context"`
	BuildArgs          types.Map                   `tfsdk:"build_args"`
	Label              types.Map                   `tfsdk:"label"`
	Labels             types.Map                   `tfsdk:"labels"`
	Tag                types.List                  `tfsdk:"tag"`
	Target             types.String                `tfsdk:"target"`
	Platform           types.String                `tfsdk:"platform"`
	NoCache            types.Bool                  `tfsdk:"no_cache"`
	CacheFrom          types.List                  `tfsdk:"cache_from"`
	PullParent         types.Bool                  `tfsdk:"pull_parent"`
	NetworkMode        types.String                `tfsdk:"network_mode"`
	ExtraHosts         types.List                  `tfsdk:"extra_hosts"`
	CgroupParent       types.String                `tfsdk:"cgroup_parent"`
	CPUPeriod          types.Int64                 `tfsdk:"cpu_period"`
	CPUQuota           types.Int64                 `tfsdk:"cpu_quota"`
	CPUSetCPUs         types.String                `tfsdk:"cpu_set_cpus"`
	CPUSetMems         types.String                `tfsdk:"cpu_set_mems"`
	CPUShares          types.Int64                 `tfsdk:"cpu_shares"`
	Memory             types.Int64                 `tfsdk:"memory"`
	MemorySwap         types.Int64                 `tfsdk:"memory_swap"`
	ShmSize            types.Int64                 `tfsdk:"shm_size"`
	Isolation          types.String                `tfsdk:"isolation"`
	SecurityOpt        types.List                  `tfsdk:"security_opt"`
	Squash             types.Bool                  `tfsdk:"squash"`
	ForceRemove        types.Bool                  `tfsdk:"force_remove"`
	Remove             types.Bool                  `tfsdk:"remove"`
	SuppressOutput     types.Bool                  `tfsdk:"suppress_output"`
	BuildLogFile       types.String                `tfsdk:"build_log_file"`
	SessionID          types.String                `tfsdk:"session_id"`
	BuildID            types.String                `tfsdk:"build_id"`
	Version            types.String                `tfsdk:"version"`
	UseLegacyBuilder   types.Bool                  `tfsdk:"use_legacy_builder"`
	AdditionalContexts types.List                  `tfsdk:"additional_contexts"`
	Builder            types.String                `tfsdk:"builder"`
	CacheTo            types.List                  `tfsdk:"cache_to"`
	Provenance         types.String                `tfsdk:"provenance"`
	Sbom               types.String                `tfsdk:"sbom"`
	AuthConfig         contract.Blocks[AuthConfig] `tfsdk:"auth_config"`
	Secrets            contract.Blocks[Secret]     `tfsdk:"secrets"`
	Ulimit             contract.Blocks[Ulimit]     `tfsdk:"ulimit"`
}

// AuthConfig is a registry's credentials for a build.
type AuthConfig struct {
	HostName      types.String `tfsdk:"host_name"`
	UserName      types.String `tfsdk:"user_name"`
	Password      types.String `tfsdk:"password"`
	Auth          types.String `tfsdk:"auth"`
	Email         types.String `tfsdk:"email"`
	ServerAddress types.String `tfsdk:"server_address"`
	IdentityToken types.String `tfsdk:"identity_token"`
	RegistryToken types.String `tfsdk:"registry_token"`
}

// Secret is a BuildKit secret; declared so that configurations parse, refused by Validate.
type Secret struct {
	ID  types.String `tfsdk:"id"`
	Env types.String `tfsdk:"env"`
	Src types.String `tfsdk:"src"`
}

// Ulimit is a limit of a build's steps.
type Ulimit struct {
	Name types.String `tfsdk:"name"`
	Soft types.Int64  `tfsdk:"soft"`
	Hard types.Int64  `tfsdk:"hard"`
}

// Timeouts are durations, such as "20m".
type Timeouts struct {
	Create types.String `tfsdk:"create"`
	Update types.String `tfsdk:"update"`
	Delete types.String `tfsdk:"delete"`
}
