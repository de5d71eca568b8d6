package composefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// hashedKeys is the order of a service's keys in what is hashed: that of the releases of docker compose, which the order of
// the loader's fields was once. Hashes of containers that exist depend on it. A key that is not here follows the others.
const hashedKeys = `profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count cpu_percent cpu_period
	cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs container_name credential_spec depends_on deploy
	device_cgroup_rules devices dns dns_opt dns_search dockerfile domainname entrypoint provider environment env_file expose extends
	external_links extra_hosts group_add gpus hostname healthcheck image init ipc isolation labels label_file links logging log_driver
	log_opt mem_limit mem_reservation memswap_limit mem_swappiness mac_address models net network_mode networks oom_kill_disable
	oom_score_adj pid pids_limit platform ports privileged pull_policy read_only restart runtime scale secrets security_opt shm_size
	stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volume_driver
	volumes volumes_from working_dir pre_start post_start pre_stop pull_refresh_after`

// ServiceHash is what docker compose has in the label com.docker.compose.config-hash: a hash of everything that makes a
// container of the service, not of how many there are, what they wait for and where the image comes from.
func ServiceHash(s types.ServiceConfig) (string, error) {
	s.Build, s.PullPolicy, s.Scale, s.DependsOn, s.Profiles = nil, "", nil, nil, nil
	if s.Deploy != nil {
		deploy := *s.Deploy
		deploy.Replicas = nil
		s.Deploy = &deploy
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("service %q: %w", s.Name, err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return "", fmt.Errorf("service %q: %w", s.Name, err)
	}
	order := strings.Fields(hashedKeys)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	var b bytes.Buffer
	for _, key := range order {
		if value, ok := keys[key]; ok {
			fmt.Fprintf(&b, ",%q:%s", key, value)
		}
	}
	b.WriteByte('}')
	text := b.Bytes()
	text[0] = '{' // in place of the first comma: command is never left out
	return sum(text), nil
}

// NetworkHash is the hash docker compose labels a network with.
func NetworkHash(n types.NetworkConfig) (string, error) {
	n.CustomLabels = nil
	raw, err := json.Marshal(&n)
	return sum(raw), err
}

// VolumeHash is the hash docker compose labels a volume with.
func VolumeHash(v types.VolumeConfig) (string, error) {
	if v.Driver == "" {
		v.Driver = "local"
	}
	raw, err := json.Marshal(v)
	return sum(raw), err
}

func sum(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

// Mark is what tells one definition of a service's containers from another.
type Mark struct {
	// Config is the [ServiceHash], and Content that of the configs and secrets put into the containers, "" for none.
	Config, Content string
}

func (m Mark) String() string {
	if m.Content == "" {
		return m.Config
	}
	return m.Config + "+" + m.Content
}

// MarkOf returns the mark of a service.
func MarkOf(p *types.Project, s types.ServiceConfig) (Mark, error) {
	config, err := ServiceHash(s)
	if err != nil {
		return Mark{}, err
	}
	files, err := Files(p, s)
	return Mark{Config: config, Content: contentHash(s.Name, files)}, err
}
