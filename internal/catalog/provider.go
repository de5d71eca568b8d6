package catalog

import (
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Provider is the schema of the provider block: how to reach a Docker host and its registries. Its attributes are
// those of kreuzwerker/docker, so that existing blocks work unchanged; host is optional as it always was in effect.
// The conditions on its values are [ValidateProvider]'s.
func Provider() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Manages containers, images, volumes and networks of a Docker host.",
		Attributes: map[string]schema.Attribute{
			"host": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Address of the Docker host: `unix:///var/run/docker.sock`, `npipe:////./pipe/docker_engine`, `tcp://host:2376`, `ssh://user@host:22`. " +
					"Without it: `DOCKER_HOST`, then the Docker context in use, then the platform's default socket.",
			},
			"context": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of the Docker context to take address and TLS material from. Overrides `host`. Without it and without a host: `DOCKER_CONTEXT`.",
			},
			"cert_path": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Directory with `ca.pem`, `cert.pem` and `key.pem` for TLS. Without it: `DOCKER_CERT_PATH`. Excludes `ca_material`, `cert_material` and `key_material`.",
			},
			"ca_material": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "PEM text of the certificate authorities the host's certificate is verified with. Without it: `DOCKER_CA_MATERIAL`.",
			},
			"cert_material": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "PEM text of the client certificate; needs `key_material`. Without it: `DOCKER_CERT_MATERIAL`.",
			},
			"key_material": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "PEM text of the client certificate's key; needs `cert_material`. Without it: `DOCKER_KEY_MATERIAL`.",
			},
			"ssh_opts": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Options as the `ssh` command takes them for an `ssh://` host, one argument per element, such as `[\"-i\", \"/keys/deploy\", \"-o\", \"StrictHostKeyChecking=accept-new\"]`. " +
					"They go before `~/.ssh/config`. SSH is spoken by the provider itself, with the keys of the agent and of files, known hosts and jump hosts; " +
					"the `ssh` command is needed for what only it does, such as `ProxyCommand`, or with `CLEAT_SSH=command` in the environment.",
			},
			"disable_docker_daemon_check": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Do not ask the Docker host for its version when the provider starts, but when something must be asked of it. Default `false`.",
			},
		},
		Blocks: map[string]schema.Block{"registry_auth": registryAuth(), "bundled_engine": bundledEngine()},
	}
}

func registryAuth() schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: "Credentials of one registry, and how it is trusted. Without a block for a registry the credentials of the Docker CLI are used: " +
			"`~/.docker/config.json` (or `DOCKER_CONFIG`) and its credential helpers.",
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"address": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Address of the registry: `registry.example.com:5000`, `docker.io`, also as `https://` URL.",
			},
			"username": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "User name; `<token>` for an identity token as password. Without it and without a configuration file: `DOCKER_REGISTRY_USER`.",
			},
			"password": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Password or token. Without it and without a configuration file: `DOCKER_REGISTRY_PASS`.",
			},
			"config_file": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Path of a Docker `config.json` to take the credentials from, used when no `username` is given.",
			},
			"config_file_content": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "Text of a Docker `config.json` to take the credentials from, used when no `username` is given; goes before `config_file`.",
			},
			"auth_disabled": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Talk to this registry without credentials, whatever is configured elsewhere. Default `false`.",
			},
			"ca_file": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a PEM file of the certificate authority that signed this registry's certificate; counts beside those the machine trusts, for the registry's token service too. " +
					"It is for what the provider itself asks the registry (`docker_registry_image` and the data sources `docker_registry_image*`). What the engine pulls and pushes is verified with what the engine trusts: " +
					"`/etc/docker/certs.d/HOST:PORT/ca.crt` and `insecure-registries` on its host. Excludes `ca_material`.",
			},
			"ca_material": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "PEM text of that certificate authority. Excludes `ca_file`.",
			},
			"insecure_skip_verify": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Accept any certificate of this registry, and plain HTTP, in what the provider itself asks it. Default `false`; addresses of the loopback interface are accepted so anyway, unless an authority is given.",
			},
		}},
	}
}
