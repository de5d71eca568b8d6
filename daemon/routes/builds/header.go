package builds

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// credentials reads X-Registry-Config: base64 of JSON, credentials by registry. Clients have sent it in both alphabets,
// with and without padding, and as a whole configuration file. What cannot be read is none, as engines have it: a pull
// that needs it says so.
func credentials(header string) map[string]registry.AuthConfig {
	if header == "" {
		return nil
	}
	text := strings.NewReplacer("+", "-", "/", "_", "=", "", "\r", "", "\n", "").Replace(header)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	var file struct {
		Configs map[string]registry.AuthConfig `json:"configs"` // 1.5 to 1.18
		Auths   map[string]registry.AuthConfig `json:"auths"`
	}
	if err := json.Unmarshal(raw, &file); err == nil && len(file.Configs)+len(file.Auths) > 0 {
		if len(file.Configs) > 0 {
			return split(file.Configs)
		}
		return split(file.Auths)
	}
	var all map[string]registry.AuthConfig
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil
	}
	return split(all)
}

// one adds the credentials of X-Registry-Auth, which are for one registry: that of their serveraddress, or the default's.
func one(header string, o *client.ImageBuildOptions) {
	auth, err := authconfig.Decode(header)
	if err != nil || auth == nil || *auth == (registry.AuthConfig{}) {
		return
	}
	if o.AuthConfigs == nil {
		o.AuthConfigs = map[string]registry.AuthConfig{}
	}
	address := auth.ServerAddress
	if address == "" {
		address = defaultIndex
	}
	o.AuthConfigs[address] = *auth
}

// defaultIndex is what clients call the default registry.
const defaultIndex = "https://index.docker.io/v1/"

// split fills in user and password where an entry has them as files have, in one.
func split(all map[string]registry.AuthConfig) map[string]registry.AuthConfig {
	for host, a := range all {
		if a.Auth == "" || a.Username != "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(a.Auth)
		if err != nil {
			continue
		}
		name, password, found := bytes.Cut(raw, []byte(":"))
		if found {
			a.Username, a.Password, a.Auth = string(name), string(password), ""
			all[host] = a
		}
	}
	return all
}

func platform(text string, o *client.ImageBuildOptions) error {
	if text == "" {
		return nil
	}
	p, err := platforms.Parse(text)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	o.Platforms = append(o.Platforms, p)
	return nil
}
