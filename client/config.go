package client

import (
	"context"
	"fmt"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
)

// Config says which engine to reach and how. What is set explicitly wins over the environment, in this order: Host,
// Context, DOCKER_HOST, DOCKER_CONTEXT, the current context of ~/.docker/config.json, the platform's default socket.
type Config struct {
	// Host is unix://PATH, npipe://PATH, tcp://HOST[:PORT], http(s)://HOST[:PORT] or ssh://[USER@]HOST[:PORT][/SOCKET].
	Host string
	// Context names a docker context.
	Context string
	// CertPath is a directory with ca.pem, cert.pem and key.pem. Without it and without material DOCKER_CERT_PATH
	// and DOCKER_TLS_VERIFY decide as they do for docker.
	CertPath string
	// CAMaterial, CertMaterial and KeyMaterial are PEM text, or the path of a PEM file.
	CAMaterial, CertMaterial, KeyMaterial string
	// SSHOpts are given to ssh before the host, as "-o", "StrictHostKeyChecking=no".
	SSHOpts []string
	// RegistryAuth are credentials that come before those of docker's own configuration.
	RegistryAuth []RegistryAuth
	// Wake, when set, is called before the engine is first asked: it starts one that may not run yet.
	Wake func(ctx context.Context) error
	// UserAgent of every request; moby's own when empty.
	UserAgent string
	// APIVersion pins the version, as DOCKER_API_VERSION does; highest common version when both are empty.
	APIVersion string
	// Trace, when set, is called after every request with the time until the answer's headers. status is 0 when
	// there was none. It may be called concurrently.
	Trace func(method, path string, status int, d time.Duration)
}

// RegistryAuth is a provider's registry_auth block: credentials of one registry, given or to be found in a file, and how it
// is trusted.
type RegistryAuth struct {
	// Address of the registry: a host with optional port; scheme and path are ignored.
	Address string
	// Username and Password, when given, come before the files.
	Username, Password string
	// ConfigFile is the path of a docker config.json, ConfigFileContent its text, which comes first. With neither
	// docker's own file is used.
	ConfigFile, ConfigFileContent string
	// AuthDisabled makes calls to this registry anonymous, whatever docker's configuration holds.
	AuthDisabled bool
	// CAFile is the path of PEM text, CAMaterial that text: authorities that count for this registry, and for the token
	// service it names, beside those of the machine. They are of this client's own calls; engines trust what they trust.
	CAFile, CAMaterial string
	// SkipVerify accepts certificates nobody knows, and plain HTTP, in this client's own calls.
	SkipVerify bool
}

// ConfigError is a [Config] nobody can use. It is errs.ErrInvalid.
type ConfigError struct {
	// Attribute is the provider's attribute at fault: host, context, cert_path … or an environment variable.
	Attribute string
	Err       error
}

func (e *ConfigError) Error() string { return e.Attribute + ": " + e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

// Is makes every ConfigError errs.ErrInvalid.
func (e *ConfigError) Is(target error) bool { return target == errs.ErrInvalid }

func invalid(attribute, format string, args ...any) error {
	return &ConfigError{Attribute: attribute, Err: fmt.Errorf(format, args...)}
}
