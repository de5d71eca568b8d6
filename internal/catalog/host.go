package catalog

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
)

// The environment variables kreuzwerker/docker takes registry credentials from.
const (
	envRegistryUser     = "DOCKER_REGISTRY_USER"
	envRegistryPassword = "DOCKER_REGISTRY_PASS"
)

// Host is what a provider block says.
type Host struct {
	// Config is how to reach the engine and its registries. It is of no use while Unknown names anything.
	Config client.Config
	// Unchecked says that the engine is not to be asked before it is needed.
	Unchecked bool
	// Unknown names the attributes that decide which engine is meant and have no known value yet.
	Unknown []string
}

// HostOf reads a provider block, a value of [Provider]. getenv is asked for the variables of kreuzwerker/docker
// (TLS material and registry credentials); those of the Docker CLI are the client's business. Registry credentials
// that are not known yet are left out: nothing is pulled before they are.
func HostOf(block types.Object, getenv func(string) string) Host {
	values := block.Attributes()
	var h Host
	for _, name := range []string{"host", "context", "cert_path", "ca_material", "cert_material", "key_material", "ssh_opts", engineBlock} {
		if unknown(values[name]) {
			h.Unknown = append(h.Unknown, name)
		}
	}
	h.Unchecked = truth(values["disable_docker_daemon_check"])
	h.Config = client.Config{
		Host: text(values["host"]), Context: text(values["context"]), CertPath: text(values["cert_path"]),
		CAMaterial: text(values["ca_material"]), CertMaterial: text(values["cert_material"]), KeyMaterial: text(values["key_material"]),
		SSHOpts: texts(values["ssh_opts"]),
	}
	if h.Config.Context != "" {
		h.Config.Host = "" // as documented: the context overrides the host
	}
	if engine, ok := engineAsked(values[engineBlock], getenv); ok {
		h.Config.Host = engine.Host()
		h.Config.Wake = func(ctx context.Context) error { return wake(ctx, engine) }
	}
	if c := &h.Config; c.CertPath == "" && c.CAMaterial == "" && c.CertMaterial == "" && c.KeyMaterial == "" {
		c.CAMaterial, c.CertMaterial, c.KeyMaterial = getenv("DOCKER_CA_MATERIAL"), getenv("DOCKER_CERT_MATERIAL"), getenv("DOCKER_KEY_MATERIAL")
	}
	for _, item := range elements(values["registry_auth"]) {
		object, ok := item.(types.Object)
		if !ok || unknown(object) {
			continue
		}
		h.Config.RegistryAuth = append(h.Config.RegistryAuth, registryAuthOf(object.Attributes(), getenv))
	}
	return h
}

func registryAuthOf(values map[string]attr.Value, getenv func(string) string) client.RegistryAuth {
	a := client.RegistryAuth{
		Address: text(values["address"]), Username: text(values["username"]), Password: text(values["password"]),
		ConfigFile: text(values["config_file"]), ConfigFileContent: text(values["config_file_content"]),
		AuthDisabled: truth(values["auth_disabled"]),
		CAFile:       text(values["ca_file"]), CAMaterial: text(values["ca_material"]), SkipVerify: truth(values["insecure_skip_verify"]),
	}
	files := a.ConfigFile != "" || a.ConfigFileContent != ""
	switch {
	case a.AuthDisabled:
	case a.Username != "" || a.Password != "" || !files:
		a.ConfigFile, a.ConfigFileContent = "", ""
		a.Username = cmp.Or(a.Username, getenv(envRegistryUser))
		a.Password = cmp.Or(a.Password, getenv(envRegistryPassword))
	case a.ConfigFileContent != "":
		a.ConfigFile = ""
	}
	return a
}

// unknown reports whether a value, or an element of it, is not known.
func unknown(v attr.Value) bool {
	if v == nil || v.IsUnknown() {
		return v != nil
	}
	switch v := v.(type) {
	case types.Object:
		for _, a := range v.Attributes() {
			if unknown(a) {
				return true
			}
		}
	default:
		for _, e := range elements(v) {
			if unknown(e) {
				return true
			}
		}
	}
	return false
}

// elements are those of a known list or set, else none.
func elements(v attr.Value) []attr.Value {
	if list, ok := v.(interface{ Elements() []attr.Value }); ok {
		return list.Elements()
	}
	return nil
}

func text(v attr.Value) string {
	s, _ := v.(types.String)
	return s.ValueString()
}

func truth(v attr.Value) bool {
	b, _ := v.(types.Bool)
	return b.ValueBool()
}

func texts(v attr.Value) []string {
	var all []string
	for _, e := range elements(v) {
		all = append(all, text(e))
	}
	return all
}
