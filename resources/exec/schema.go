package exec

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/resources/contract"
)

var envForm = stringvalidator.RegexMatches(regexp.MustCompile(`(?s)^[^=]+=`), "must have the form NAME=value")

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A command run once in a running container. It runs again when what it is made of or a trigger changes, and in the container's successor when the container is replaced. " +
			"A command that does not end as expected is an error with its last output and is not recorded: the next apply runs it again. It should therefore bear to be run twice.",
		Attributes: attributes(),
		Blocks:     map[string]schema.Block{},
	}
}

func attributes() map[string]schema.Attribute {
	no := booldefault.StaticBool(false)
	return map[string]schema.Attribute{
		"id":           schema.StringAttribute{Computed: true, MarkdownDescription: "Id the engine gave the run."},
		"container_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container the command was run in."},
		"container": schema.StringAttribute{
			Required: true, Validators: []validator.String{containerref.Validator()},
			MarkdownDescription: "Name or id of the container. With the id (`docker_container.app.id`) a replacement of the container runs the command again in the same apply; with the name, in the next one.",
		},
		"command": schema.ListAttribute{
			ElementType: types.StringType, Required: true, Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues()},
			MarkdownDescription: "Program and arguments. There is no shell between; for one write `[\"sh\", \"-c\", \"...\"]`.",
		},
		"env": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Set{setvalidator.ValueStringsAre(envForm)},
			MarkdownDescription: "Environment variables in the form `NAME=value`, beside those of the container. Engine API 1.25.",
		},
		"user":        schema.StringAttribute{Optional: true, MarkdownDescription: "User to run as: a name or number, with a group after a colon. The container's user when not given."},
		"working_dir": schema.StringAttribute{Optional: true, MarkdownDescription: "Directory to run in. The container's when not given. Engine API 1.35."},
		"privileged":  schema.BoolAttribute{Optional: true, Computed: true, Default: no, MarkdownDescription: "Run with all privileges."},
		"tty": schema.BoolAttribute{
			Optional: true, Computed: true, Default: no,
			MarkdownDescription: "Give the command a terminal. Its error output is then part of `stdout`.",
		},
		"stdin": schema.StringAttribute{Optional: true, MarkdownDescription: "Text for the standard input. Not together with `tty`."},
		"triggers": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Any values; a change of them runs the command again.",
		},
		"destroy_command": schema.ListAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues()},
			MarkdownDescription: "Program and arguments that undo the command, with the same environment, user and directory. Run when the resource is destroyed, " +
				"and before the command runs again because it or a trigger changed; not when the container is gone. It must end with exit code 0.",
		},
		"timeout": schema.Int64Attribute{
			Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
			MarkdownDescription: "Seconds after which the command fails. It is then killed, which takes engine API 1.25 and `sh` and `grep` in the container; otherwise the error says that it may go on. No limit when not given.",
		},
		"expect_exit_codes": schema.SetAttribute{
			ElementType: types.Int64Type, Optional: true,
			Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueInt64sAre(int64validator.Between(0, 255))},
			MarkdownDescription: "Exit codes that are a success. Only `0` when not given.",
		},
		"sensitive_output": schema.BoolAttribute{
			Optional: true, Computed: true, Default: no,
			MarkdownDescription: "The output is a secret: it is in `secret_stdout` and `secret_stderr` instead of `stdout` and `stderr`, and in no error. `cleat`, which keeps no secrets, has it only in the apply that ran the command.",
		},
		"exit_code":     schema.Int64Attribute{Computed: true, MarkdownDescription: "Exit code of the command."},
		"stdout":        schema.StringAttribute{Computed: true, MarkdownDescription: "Standard output, its last 16 KiB. Bytes that are no UTF-8 are replaced."},
		"stderr":        schema.StringAttribute{Computed: true, MarkdownDescription: "Error output, its last 16 KiB."},
		"secret_stdout": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Standard output with `sensitive_output`, its last 16 KiB."},
		"secret_stderr": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Error output with `sensitive_output`, its last 16 KiB."},
		"truncated":     schema.BoolAttribute{Computed: true, MarkdownDescription: "The command wrote more than is kept."},
	}
}

// Model is a docker_exec.
type Model struct {
	ID              types.String `tfsdk:"id"`
	Container       types.String `tfsdk:"container"`
	ContainerID     types.String `tfsdk:"container_id"`
	Command         types.List   `tfsdk:"command"`
	Env             types.Set    `tfsdk:"env"`
	User            types.String `tfsdk:"user"`
	WorkingDir      types.String `tfsdk:"working_dir"`
	Privileged      types.Bool   `tfsdk:"privileged"`
	TTY             types.Bool   `tfsdk:"tty"`
	Stdin           types.String `tfsdk:"stdin"`
	Triggers        types.Map    `tfsdk:"triggers"`
	DestroyCommand  types.List   `tfsdk:"destroy_command"`
	Timeout         types.Int64  `tfsdk:"timeout"`
	ExpectExitCodes types.Set    `tfsdk:"expect_exit_codes"`
	SensitiveOutput types.Bool   `tfsdk:"sensitive_output"`
	ExitCode        types.Int64  `tfsdk:"exit_code"`
	Stdout          types.String `tfsdk:"stdout"`
	Stderr          types.String `tfsdk:"stderr"`
	SecretStdout    types.String `tfsdk:"secret_stdout"`
	SecretStderr    types.String `tfsdk:"secret_stderr"`
	Truncated       types.Bool   `tfsdk:"truncated"`
}

// Rules implements contract.Type. What the command is made of makes another run, and undoes this one first. In
// another container there is nothing to undo: the update just runs it there.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"container":         {ConfigOnly: true},
		"container_id":      {Effect: contract.InPlace, Unreported: true},
		"command":           {Unreported: true},
		"env":               {Unreported: true, Requires: "1.25"},
		"user":              {Unreported: true},
		"working_dir":       {Unreported: true, Requires: "1.35"},
		"privileged":        {Unreported: true},
		"tty":               {Unreported: true},
		"stdin":             {Unreported: true},
		"triggers":          {Unreported: true},
		"sensitive_output":  {Unreported: true},
		"destroy_command":   {ConfigOnly: true},
		"timeout":           {ConfigOnly: true},
		"expect_exit_codes": {ConfigOnly: true},
		"id":                {Unreported: true},
		"exit_code":         {Unreported: true},
		"stdout":            {Unreported: true},
		"stderr":            {Unreported: true},
		"secret_stdout":     {Unreported: true},
		"secret_stderr":     {Unreported: true},
		"truncated":         {Unreported: true},
	}
}
