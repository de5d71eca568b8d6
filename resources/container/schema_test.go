package container

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/resources/contract"
)

// TestSchemaIsDocumented: everything says what it is, and what can be declared says what a change does.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	node := host(t).Node()
	for _, a := range node.Attributes {
		effect := strings.Contains(a.Description, replaces) || strings.Contains(a.Description, inPlace) || strings.Contains(a.Description, recorded)
		if !effect && (a.Optional || a.Required) && a.Name != "image" && a.Name != "network_mode" && !a.WriteOnly {
			t.Errorf("%s: %q does not say what a change does", a.Name, a.Description)
		}
	}
	var walk func(n *contract.Node, at string)
	walk = func(n *contract.Node, at string) {
		for _, a := range n.Attributes {
			if a.Description == "" {
				t.Errorf("%s%s is not documented", at, a.Name)
			}
		}
		for _, b := range n.Blocks {
			if b.Description == "" {
				t.Errorf("%s%s is not documented", at, b.Name)
			}
			walk(b.Node, at+b.Name+".")
		}
	}
	walk(node, "")
}

// TestDocumentedEffects: what the documentation promises is what the rules do.
func TestDocumentedEffects(t *testing.T) {
	t.Parallel()
	rules := host(t).Rules()
	for _, a := range host(t).Node().Attributes {
		rule := rules[a.Name]
		inPlaceByRule := rule.Effect == contract.InPlace || rule.By != nil
		if got := strings.Contains(a.Description, inPlace); got != inPlaceByRule && a.Name != "image" && a.Name != "network_mode" && !a.WriteOnly {
			t.Errorf("%s: documented as in place: %t", a.Name, got)
		}
		if got := strings.Contains(a.Description, recorded); got != rule.ConfigOnly {
			t.Errorf("%s: documented as recorded: %t", a.Name, got)
		}
	}
}

// peer are the attributes and blocks of kreuzwerker/docker 4.5's docker_container.
const peer = `attach bridge capabilities cgroup_parent cgroupns_mode command container_logs container_read_refresh_timeout_milliseconds
cpu_period cpu_quota cpu_set cpu_shares cpus destroy_grace_seconds device_read_bps device_read_iops device_requests device_write_bps
device_write_iops devices dns dns_opts dns_search domainname entrypoint env exit_code gpus group_add healthcheck host hostname id image
init ipc_mode labels log_driver log_opts logs max_retry_count memory memory_reservation memory_swap mounts must_run name network_data
network_mode networks_advanced pid_mode platform ports privileged publish_all_ports read_only remove_volumes restart rm runtime
security_opts shm_size start stdin_open stop_signal stop_timeout storage_opts sysctls timeouts tmpfs tty ulimit upload user userns_mode
volumes wait wait_timeout working_dir`

// TestSupersetOfPeer: configurations of the peer provider work, and what is ours alone need not be declared.
func TestSupersetOfPeer(t *testing.T) {
	t.Parallel()
	node := host(t).Node()
	theirs := map[string]bool{}
	for _, name := range strings.Fields(peer) {
		theirs[name] = true
		_, isAttribute := node.Attribute(name)
		_, isBlock := node.Block(name)
		if !isAttribute && !isBlock {
			t.Errorf("%s is missing", name)
		}
	}
	var ours []string
	for _, a := range node.Attributes {
		if !theirs[a.Name] {
			ours = append(ours, a.Name)
		}
		if !theirs[a.Name] && a.Required {
			t.Errorf("%s is not the peer's", a.Name)
		}
	}
	if diff := cmp.Diff([]string{"env_wo", "env_wo_version", "hand_over_key", "image_id", "upload_hash"}, ours); diff != "" {
		t.Errorf("attributes of our own (-want +got):\n%s", diff)
	}
}
