package container

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

type (
	attributes   = map[string]schema.Attribute
	nestedBlocks = map[string]schema.Block
)

func blocks() nestedBlocks {
	rate := func(what string) schema.SetNestedBlock {
		return setBlock(what+" of one device of the host."+replaces, attributes{
			"path": required("Path of the device on the host.", absolutePath),
			"rate": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.AtLeast(1)}, MarkdownDescription: "Limit per second."},
		})
	}
	capabilities := setBlock("Linux capabilities beyond and without those of the engine's default set. The prefix `CAP_` and case do not matter."+replaces, attributes{
		"add":  set("Capabilities added; `ALL` for all.", setvalidator.ValueStringsAre(capability)),
		"drop": set("Capabilities dropped; `ALL` for all.", setvalidator.ValueStringsAre(capability)),
	})
	capabilities.Validators = []validator.Set{setvalidator.SizeAtMost(1)}
	return nestedBlocks{
		"capabilities":      capabilities,
		"device_read_bps":   rate("Bytes read"),
		"device_read_iops":  rate("Read operations"),
		"device_write_bps":  rate("Bytes written"),
		"device_write_iops": rate("Write operations"),
		"device_requests": setBlock("Devices asked of a device driver."+replaces, attributes{
			"capabilities": set("Capabilities the devices must have, all of them, such as `gpu`."),
			"count":        number(0, "Number of devices; `-1` for all.", int64validator.AtLeast(-1)),
			"device_ids":   set("Ids of the devices, as the driver names them."),
			"driver":       text("cdi", "Name of the driver."),
			"options":      stringMap("Options for the driver."),
		}),
		"devices": setBlock("Devices of the host given to the container."+replaces, attributes{
			"container_path": optional("Path in the container; that of the host when not given.", orEmpty(absolutePath)),
			"host_path":      required("Path on the host.", absolutePath),
			"permissions":    text("rwm", "What the container may do: `r`ead, `w`rite, `m`knod.", devicePermissions),
		}),
		"healthcheck": healthcheck(),
		"host": setBlock("Lines of `/etc/hosts`."+replaces, attributes{
			"host": required("Host name.", stringvalidator.LengthAtLeast(1)),
			"ip":   required("Its address, or `host-gateway`.", hostAddress),
		}),
		"labels":            labels("Labels of the container beyond those of the image." + replaces),
		"mounts":            mounts(),
		"networks_advanced": networks(),
		"ports": schema.ListNestedBlock{MarkdownDescription: "Ports published on the host." + replaces, NestedObject: schema.NestedBlockObject{Attributes: attributes{
			"internal": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.Between(1, 65535)}, MarkdownDescription: "Port in the container."},
			"external": schema.Int64Attribute{Optional: true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, 65535)}, MarkdownDescription: "Port on the host; a free one, chosen at every start, when not given."},
			"ip":       text(anyAddress, "Address of the host.", orEmpty(ipAddress)),
			"protocol": text("tcp", "`tcp`, `udp` or `sctp`.", stringvalidator.OneOf("tcp", "udp", "sctp")),
		}}},
		"timeouts": schema.SingleNestedBlock{MarkdownDescription: "How long operations may take, such as `10m`; as long as they need when not given.", Attributes: attributes{
			"create": optional("Creating, with `wait`.", duration),
			"update": optional("Changing in place.", duration),
			"delete": optional("Stopping and removing.", duration),
		}},
		"ulimit": setBlock("Resource limits of the container's processes. The engine may add its own, so that taking one away is not seen."+replaces, attributes{
			"name": required("Name, such as `nofile`.", stringvalidator.LengthAtLeast(1)),
			"soft": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.AtLeast(-1)}, MarkdownDescription: "Soft limit; `-1` for none."},
			"hard": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.AtLeast(-1)}, MarkdownDescription: "Hard limit; `-1` for none."},
		}),
		"upload": setBlock("Files put into the container before it starts. No engine reports them: their drift is not seen."+replaces, attributes{
			"file":           required("Path in the container.", absolutePath),
			"content":        optional("Content as text; one of `content`, `content_base64` and `source` is given."),
			"content_base64": optional("Content in base64.", base64Text),
			"source":         optional("Path of a local file with the content; its hash is `upload_hash`."),
			"source_hash":    optional("Any text; a change replaces the container. Not needed: `upload_hash` follows `source`."),
			"executable":     flag(false, "Whether the file may be executed."),
			"permissions":    optional("Permission bits in octal, such as `0640`; 0644, or 0744 when executable, when not given.", octal),
		}),
		"wait_for": waitFor(),
		"volumes": setBlock("Mounts in the short form. One source at most; none makes an anonymous volume."+replaces, attributes{
			"container_path":  optional("Path in the container.", orEmpty(absolutePath)),
			"from_container":  optional("Container all of whose mounts are taken."),
			"host_path":       optional("Path on the host.", orEmpty(absoluteOrWindowsPath)),
			"read_only":       schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the container may only read."},
			"selinux_relabel": optional("SELinux label: `z` shared, `Z` private.", stringvalidator.OneOf("z", "Z")),
			"volume_name":     optional("Name of a volume; made when it does not exist.", orEmpty(volumeName)),
		}),
	}
}

func healthcheck() schema.ListNestedBlock {
	return schema.ListNestedBlock{
		MarkdownDescription: "How the engine finds out whether the container works; what is not given or zero is the image's, or else the engine's default." + replaces,
		Validators:          []validator.List{listvalidator.SizeAtMost(1)},
		NestedObject: schema.NestedBlockObject{Attributes: attributes{
			"test":           list("Command, after `CMD`, `CMD-SHELL` or `NONE`; the image's when not given."),
			"interval":       text("0s", "Time between two tests, such as `1m30s`.", healthDuration),
			"timeout":        text("0s", "Time one test may take.", healthDuration),
			"start_period":   text("0s", "Time at the start in which failures do not count.", healthDuration),
			"start_interval": text("0s", "Time between two tests in the start period; needs engine API 1.44.", healthDuration),
			"retries":        number(0, "Failures in a row that make the container unhealthy.", int64validator.AtLeast(0)),
		}},
	}
}

func waitFor() schema.ListNestedBlock {
	return schema.ListNestedBlock{
		MarkdownDescription: "What has to hold before the container counts as started, one condition each; all of them have to. When one does not, the error says which, the state of the container and the last lines of its output." + recorded,
		NestedObject: schema.NestedBlockObject{Attributes: attributes{
			"state": optional("`healthy`: its health check succeeds. `running`: its process runs, and still does when all other conditions hold. "+
				"`exited`: it ends, with `exit_code`; needs `must_run = false`.", stringvalidator.OneOf(stateHealthy, stateRunning, stateExited)),
			"exit_code": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(0, 255)}, MarkdownDescription: "Code to exit with; 0 when not given."},
			"log":       optional("Regular expression (RE2) a line of its output has to match.", regularExpression),
			"port": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(1, 65535)}, MarkdownDescription: "TCP port in the container something has to listen on. " +
				"It is connected to: at the container's address where the engine is on this host, else, and where that fails, at the port it is published as."},
			"timeout": text("60s", "How long to wait from the start, such as `90s`.", waitDuration),
		}},
	}
}

func mounts() schema.SetNestedBlock {
	one := func(doc string, a attributes, b nestedBlocks) schema.ListNestedBlock {
		return schema.ListNestedBlock{
			MarkdownDescription: doc, Validators: []validator.List{listvalidator.SizeAtMost(1)},
			NestedObject: schema.NestedBlockObject{Attributes: a, Blocks: b},
		}
	}
	b := setBlock("Mounts in the long form."+replaces, attributes{
		"read_only": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the container may only read."},
		"source":    optional("Path on the host, or name of a volume; none for tmpfs and anonymous volumes."),
		"target":    required("Path in the container.", absolutePath),
		"type":      required("`bind`, `volume` or `tmpfs`.", stringvalidator.OneOf("bind", "volume", "tmpfs")),
	})
	b.NestedObject.Blocks = nestedBlocks{
		"bind_options": one("Options of type bind.", attributes{
			"propagation": optional("How mounts below propagate.", stringvalidator.OneOf("private", "rprivate", "shared", "rshared", "slave", "rslave")),
		}, nil),
		"tmpfs_options": one("Options of type tmpfs.", attributes{
			"mode":       schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Permission bits as a decimal number: 493 is 0755."},
			"size_bytes": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Size in bytes; half of the memory when not given."},
		}, nil),
		"volume_options": one("Options of type volume. Driver and labels count when the mount makes the volume.", attributes{
			"driver_name":    optional("Name of the volume driver."),
			"driver_options": stringMap("Options for the driver."),
			"no_copy":        schema.BoolAttribute{Optional: true, MarkdownDescription: "Do not fill a new volume with what the image has at the path."},
			"subpath":        optional("Path inside the volume that is mounted; needs engine API 1.45."),
		}, nestedBlocks{"labels": labels("Labels of the volume.")}),
	}
	return b
}

func networks() schema.SetNestedBlock {
	return setBlock("Networks the container is attached to, in place of the default bridge. Connected and disconnected in place; what a `docker_network_attachment` connects is left alone.", attributes{
		"name":           required("Name or id of the network.", stringvalidator.LengthAtLeast(1)),
		"aliases":        set("Names of the container in the network beyond its own."),
		"ipv4_address":   optional("IPv4 address.", orEmpty(ipAddress)),
		"ipv6_address":   optional("IPv6 address.", orEmpty(ipAddress)),
		"link_local_ips": set("Link-local addresses.", setvalidator.ValueStringsAre(ipAddress)),
		"mac_address":    optional("MAC address; needs engine API 1.44.", orEmpty(macAddress)),
		"driver_opts":    set("Options for the network driver, `key=value` each.", setvalidator.ValueStringsAre(keyValue)),
		"gw_priority":    schema.Int64Attribute{Optional: true, MarkdownDescription: "The network with the highest number gives the default gateway; needs engine API 1.48."},
	})
}

func labels(doc string) schema.SetNestedBlock {
	return setBlock(doc, attributes{
		"label": required("Name of the label.", stringvalidator.LengthAtLeast(1)),
		"value": required("Its value."),
	})
}

func setBlock(doc string, a attributes) schema.SetNestedBlock {
	return schema.SetNestedBlock{MarkdownDescription: doc, NestedObject: schema.NestedBlockObject{Attributes: a}}
}
