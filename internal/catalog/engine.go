package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/bundled"
	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	engineBlock = "bundled_engine"
	// envEngineDir moves the bundled engine away from the system's places, as it does for the cleat command.
	envEngineDir = "CLEAT_ENGINE_DIR"
	// maxSocket is what Linux allows as path of a socket, in bytes.
	maxSocket = 107
)

func bundledEngine() schema.Block {
	return schema.ListNestedBlock{
		MarkdownDescription: "Use `cleatd`, the container engine that comes with cleat, on a Linux host without Docker: it is started, by root, when it does not run, " +
			"and goes on afterwards. At most one block; it takes the place of `host` and `context`. Two provider blocks with different `data_root` are two engines.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"data_root": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Absolute path of the directory for images, containers and volumes, with the log `cleatd.log` and the process id `cleatd.pid` of an engine " +
					"that was started here. Default `/var/lib/cleat`, or what is below `CLEAT_ENGINE_DIR`: the engine of `cleat engine`.",
			},
			"exec_root": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Absolute path of the directory for what need not outlive a reboot. Default: a directory below `/run` that belongs to `data_root`.",
			},
			"socket": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Absolute path of the socket the engine listens at. Default `cleat.sock` in `data_root`; without `data_root` `/run/cleat/cleat.sock`.",
			},
			"program": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of `cleatd`, whose helpers `cleat-monitor` and `cleat-creator` are beside it. Default: beside the provider or `cleat`, " +
					"then on `PATH`.",
			},
			"flags": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Further flags of `cleatd`, one argument per element, such as `[\"--insecure-registry\", \"10.0.0.0/8\"]`. " +
					"They count when it is started: one that runs keeps those it has.",
			},
		}},
	}
}

// engineAsked is the bundled engine a provider block asks for; ok is false when it asks for none.
func engineAsked(blocks attr.Value, getenv func(string) string) (e bundled.Engine, ok bool) {
	items := elements(blocks)
	if len(items) == 0 {
		return e, false
	}
	object, ok := items[0].(types.Object)
	if !ok || unknown(object) {
		return e, false
	}
	values := object.Attributes()
	data, exec, socket := text(values["data_root"]), text(values["exec_root"]), text(values["socket"])
	e = bundled.Engine{Program: text(values["program"]), Places: bundled.PlacesOf(data, exec, socket), Flags: texts(values["flags"])}
	if dir := getenv(envEngineDir); dir != "" && data == "" && exec == "" && socket == "" {
		e.Places = bundled.PlacesIn(dir)
	}
	return e, true
}

// wake starts the engine when it does not run.
func wake(ctx context.Context, e bundled.Engine) error {
	failed := func(err error, next string) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return contract.Refuse(engineBlock, errs.ErrUnavailable, "%s%s", err, next)
	}
	if e.Program == "" {
		executable, err := os.Executable()
		if err != nil {
			return failed(err, "")
		}
		found, err := bundled.Find(executable, e.Places)
		if err != nil {
			return failed(err, ": put cleatd, cleat-monitor and cleat-creator of the same release there, or name cleatd with program")
		}
		e.Program = found.Program
	}
	if _, err := e.Start(ctx); err != nil {
		return failed(err, "")
	}
	return nil
}

// ownFlags are cleatd's flags that attributes of the block stand for, or that would make it another engine.
var ownFlags = map[string]string{
	"--data-root": "data_root", "--exec-root": "exec_root", "--host": "socket", "-H": "socket", "--pidfile": "", "--help": "", "-h": "",
}

// validateEngine checks the block. system is the operating system this runs on, as in runtime.GOOS.
func validateEngine(values map[string]attr.Value, system string, diags *diag.Diagnostics) {
	items := elements(values[engineBlock])
	if len(items) == 0 {
		return
	}
	root := path.Root(engineBlock)
	if system != "linux" {
		diags.AddAttributeError(root, "No bundled engine here", "found "+system+": the bundled engine runs on Linux alone. Remove the block and name an engine by host.")
	}
	if len(items) > 1 {
		diags.AddAttributeError(root, "Several bundled engines", fmt.Sprintf("found %d bundled_engine blocks, want one: each engine needs a provider block of its own, with an alias.", len(items)))
	}
	for _, name := range []string{"host", "context", "cert_path", "ca_material", "cert_material", "key_material"} {
		if given(values[name]) {
			diags.AddAttributeError(path.Root(name), "Engine given twice", name+" excludes bundled_engine, which is an engine of this machine; remove one of them.")
		}
	}
	if len(elements(values["ssh_opts"])) > 0 {
		diags.AddAttributeError(path.Root("ssh_opts"), "Engine given twice", "ssh_opts is for an ssh:// host and excludes bundled_engine; remove one of them.")
	}
	object, ok := items[0].(types.Object)
	if !ok || object.IsUnknown() {
		return
	}
	inside := object.Attributes()
	at := root.AtListIndex(0)
	for _, name := range []string{"data_root", "exec_root", "socket"} {
		if p := text(inside[name]); p != "" && !filepath.IsAbs(p) {
			diags.AddAttributeError(at.AtName(name), "Invalid path", fmt.Sprintf("found %q, want an absolute path, such as /srv/cleat.", p))
		}
	}
	if places := bundled.PlacesOf(text(inside["data_root"]), "", text(inside["socket"])); len(places.Socket()) > maxSocket {
		diags.AddAttributeError(at.AtName("socket"), "Invalid path", fmt.Sprintf("the path of the socket, %s, has %d bytes, Linux allows %d: choose a shorter one.", places.Socket(), len(places.Socket()), maxSocket))
	}
	for i, flag := range texts(inside["flags"]) {
		name, _, _ := strings.Cut(flag, "=")
		attribute, own := ownFlags[name]
		switch {
		case flag == "" && !slices.ContainsFunc(elements(inside["flags"]), unknown):
			diags.AddAttributeError(at.AtName("flags").AtListIndex(i), "Invalid flag", "found an empty argument; remove it.")
		case own && attribute != "":
			diags.AddAttributeError(at.AtName("flags").AtListIndex(i), "Invalid flag", fmt.Sprintf("found %s: use the attribute %s instead.", name, attribute))
		case own:
			diags.AddAttributeError(at.AtName("flags").AtListIndex(i), "Invalid flag", fmt.Sprintf("found %s, which is not for this block; remove it.", name))
		}
	}
}
