package catalog

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ValidateProvider checks a provider block, a value of [Provider], as far as its values are known. It reads no files
// and reaches no engine; getenv is that of [HostOf].
func ValidateProvider(block types.Object, getenv func(string) string) diag.Diagnostics {
	var diags diag.Diagnostics
	values := block.Attributes()
	if host, ok := values["host"].(types.String); ok && host.ValueString() != "" {
		if err := validHost(host.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("host"), "Invalid Docker host", err.Error())
		}
		if given(values["context"]) {
			diags.AddAttributeWarning(path.Root("host"), "Docker host is not used", "context is given too and goes before host; remove one of them.")
		}
	}
	validateEngine(values, runtime.GOOS, &diags)
	validateTLS(values, &diags)
	validateRegistries(values["registry_auth"], getenv, &diags)
	return diags
}

// validHost checks the form of an engine's address.
func validHost(host string) error {
	const want = "want unix://PATH, npipe://PATH, tcp://HOST:PORT, http(s)://HOST:PORT or ssh://[USER@]HOST"
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok {
		return fmt.Errorf("found %q without a scheme, %s", host, want)
	}
	switch scheme {
	case "unix", "npipe":
		if rest == "" {
			return fmt.Errorf("found %q without a path, %s", host, want)
		}
		return nil
	case "tcp", "http", "https", "ssh":
	default:
		return fmt.Errorf("found scheme %q, %s", scheme, want)
	}
	u, err := url.Parse(host)
	if err != nil {
		return fmt.Errorf("found an address that is no URL, %s", want) // the URL's own error may quote a password
	}
	if u.Hostname() == "" {
		return fmt.Errorf("found %s:// without a host name, %s", scheme, want)
	}
	if _, secret := u.User.Password(); secret {
		return fmt.Errorf("a password in the address ends up in logs and process lists: use an ssh key or TLS material")
	}
	return nil
}

func validateTLS(values map[string]attr.Value, diags *diag.Diagnostics) {
	for _, name := range []string{"ca_material", "cert_material", "key_material"} {
		if given(values["cert_path"]) && given(values[name]) {
			diags.AddAttributeError(path.Root(name), "TLS material given twice", name+" excludes cert_path, which names a directory with all of it; remove one of them.")
		}
	}
	for _, pair := range [][2]string{{"cert_material", "key_material"}, {"key_material", "cert_material"}} {
		if given(values[pair[0]]) && absent(values[pair[1]]) {
			diags.AddAttributeError(path.Root(pair[0]), "Incomplete TLS material", pair[0]+" needs "+pair[1]+".")
		}
	}
}

func validateRegistries(blocks attr.Value, getenv func(string) string, diags *diag.Diagnostics) {
	seen := map[string]bool{}
	for _, item := range elements(blocks) {
		object, ok := item.(types.Object)
		if !ok || object.IsUnknown() {
			continue
		}
		values := object.Attributes()
		at := path.Root("registry_auth").AtSetValue(object)
		validateRegistry(values, at, getenv, diags)
		address := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text(values["address"]), "https://"), "http://"), "/")
		if address != "" && seen[address] {
			diags.AddAttributeError(at.AtName("address"), "Registry given twice", fmt.Sprintf("found a second registry_auth block for %q; remove one of them.", address))
		}
		seen[address] = true
	}
}

func validateRegistry(values map[string]attr.Value, at path.Path, getenv func(string) string, diags *diag.Diagnostics) {
	if a, ok := values["address"].(types.String); ok && !a.IsUnknown() {
		if err := validRegistry(a.ValueString()); err != nil {
			diags.AddAttributeError(at.AtName("address"), "Invalid registry address", err.Error())
		}
	}
	if given(values["username"]) && absent(values["password"]) && getenv(envRegistryPassword) == "" {
		diags.AddAttributeError(at.AtName("username"), "Incomplete registry credentials", "username needs password, here or in "+envRegistryPassword+".")
	}
	if given(values["password"]) && absent(values["username"]) && getenv(envRegistryUser) == "" {
		diags.AddAttributeError(at.AtName("password"), "Incomplete registry credentials", "password needs username, here or in "+envRegistryUser+".")
	}
	if content, ok := values["config_file_content"].(types.String); ok && content.ValueString() != "" && !json.Valid([]byte(content.ValueString())) {
		diags.AddAttributeError(at.AtName("config_file_content"), "Invalid Docker configuration", "the text is not JSON; want the content of a config.json.")
	}
	validateTrust(values, at, diags)
	unused := ""
	switch files := given(values["config_file"]) || given(values["config_file_content"]); {
	case truth(values["auth_disabled"]) && (files || given(values["username"])):
		unused = "auth_disabled is true: the credentials given beside it are not used."
	case given(values["username"]) && files:
		unused = "username and password are given: config_file and config_file_content are not used."
	case given(values["config_file"]) && given(values["config_file_content"]):
		unused = "config_file_content is given: config_file is not used."
	}
	if unused != "" {
		diags.AddAttributeWarning(at, "Registry credentials given twice", unused)
	}
}

// validateTrust checks what a registry's certificate is verified with.
func validateTrust(values map[string]attr.Value, at path.Path, diags *diag.Diagnostics) {
	file, material := given(values["ca_file"]), given(values["ca_material"])
	switch {
	case file && material:
		diags.AddAttributeError(at.AtName("ca_material"), "Certificate authority given twice", "ca_material excludes ca_file; remove one of them.")
	case material && !x509.NewCertPool().AppendCertsFromPEM([]byte(text(values["ca_material"]))):
		diags.AddAttributeError(at.AtName("ca_material"), "Invalid certificate authority",
			"found no certificate in the text, want PEM: -----BEGIN CERTIFICATE-----; a path goes into ca_file.")
	case (file || material) && truth(values["insecure_skip_verify"]):
		diags.AddAttributeWarning(at.AtName("insecure_skip_verify"), "Certificate authority is not used",
			"insecure_skip_verify is true: any certificate is accepted; remove one of them.")
	}
}

// validRegistry checks the form of a registry's address: HOST[:PORT][/PATH], also as URL.
func validRegistry(address string) error {
	const want = "want HOST[:PORT], such as registry.example.com:5000"
	full := address
	if !strings.Contains(address, "://") {
		full = "https://" + address
	}
	u, err := url.Parse(full)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(address, " \t\n") {
		return fmt.Errorf("found %q, %s", address, want)
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("found scheme %q, %s", u.Scheme, want)
	}
	if u.User != nil {
		return fmt.Errorf("credentials do not belong into the address: use username and password")
	}
	return nil
}

// given reports a known value that is not empty; absent one that is known to be missing.
func given(v attr.Value) bool  { return text(v) != "" }
func absent(v attr.Value) bool { return v != nil && !v.IsUnknown() && text(v) == "" }
