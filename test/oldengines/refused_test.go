package oldengines

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// parts are declarations inside of a container, by the attribute they are about.
var parts = map[string]string{
	"plain":              ``,
	"capabilities":       `capabilities { add = ["NET_ADMIN"] }`,
	"cgroup_parent":      `cgroup_parent = "/cleat-old"`,
	"cgroupns_mode":      `cgroupns_mode = "private"`,
	"cpu_period":         `cpu_period = 50000`,
	"cpu_quota":          `cpu_quota = 25000`,
	"cpu_set":            `cpu_set = "0"`,
	"cpu_shares":         `cpu_shares = 512`,
	"cpus":               `cpus = "0.5"`,
	"devices":            `devices { host_path = "/dev/null" }`,
	"dns":                `dns = ["10.0.0.5"]`,
	"dns_opts":           `dns_opts = ["ndots:2"]`,
	"dns_search":         `dns_search = ["example.org"]`,
	"domainname":         `domainname = "example.org"`,
	"entrypoint":         `entrypoint = ["sh"]`,
	"group_add":          `group_add = ["1"]`,
	"healthcheck":        `healthcheck { test = ["CMD", "true"] }`,
	"start_period":       "healthcheck {\n test = [\"CMD\", \"true\"]\n start_period = \"5s\"\n}",
	"host":               "host {\n host = \"db\"\n ip = \"10.0.0.5\"\n}",
	"init":               `init = true`,
	"ipc_mode":           `ipc_mode = "host"`,
	"ipc_private":        `ipc_mode = "private"`,
	"log_driver":         "log_driver = \"json-file\"\nlog_opts = { max-size = \"1m\" }",
	"memory_reservation": "memory = 64\nmemory_reservation = 32",
	"memory_swap":        "memory = 64\nmemory_swap = 128",
	"mounts":             "mounts {\n target = \"/m\"\n type = \"tmpfs\"\n}",
	"network_mode":       `network_mode = "none"`,
	"network_of_mode":    `network_mode = "old-shared"`,
	"pid_mode":           `pid_mode = "host"`,
	"privileged":         `privileged = true`,
	"publish_all_ports":  `publish_all_ports = true`,
	"read_only":          `read_only = true`,
	"restart":            `restart = "always"`,
	"unless_stopped":     `restart = "unless-stopped"`,
	"rm":                 `rm = true`,
	"runtime":            `runtime = "runc"`,
	"security_opts":      `security_opts = ["label=disable"]`,
	"shm_size":           `shm_size = 32`,
	"stop_signal":        `stop_signal = "SIGINT"`,
	"stop_timeout":       `stop_timeout = 3`,
	"sysctls":            `sysctls = { "net.ipv4.ip_forward" = "1" }`,
	"tmpfs":              `tmpfs = { "/t" = "" }`,
	"tty":                "tty = true\nstdin_open = true",
	"ulimit":             "ulimit {\n name = \"nofile\"\n soft = 100\n hard = 200\n}",
	"upload":             "upload {\n file = \"/motd\"\n content = \"hello\"\n}",
	"userns_mode":        `userns_mode = "host"`,
	"anonymous":          "volumes {\n container_path = \"/v\"\n}",
	"volume_name":        "volumes {\n volume_name = \"old-shared\"\n container_path = \"/v\"\n}",
	"working_dir":        `working_dir = "/tmp"`,
	"network":            "networks_advanced {\n name = \"old-shared\"\n}",
	"aliases":            "networks_advanced {\n name = \"old-shared\"\n aliases = [\"a\"]\n}",
	"ipv4_address":       "networks_advanced {\n name = \"old-shared\"\n ipv4_address = \"10.199.0.77\"\n}",
	"device_read_bps":    "device_read_bps {\n path = \"/dev/null\"\n rate = 1000\n}",
}

// since is the version that brought what a part declares, for those that came after the oldest one cleat drives.
var since = map[string]string{
	"cpu_period": "1.19", "cpu_quota": "1.19",
	"group_add": "1.20", "upload": "1.20",
	"dns_opts": "1.21", "memory_reservation": "1.21", "network": "1.21", "network_of_mode": "1.21", "stop_signal": "1.21", "unless_stopped": "1.21", "volume_name": "1.21",
	"aliases": "1.22", "device_read_bps": "1.22", "ipv4_address": "1.22", "shm_size": "1.22", "tmpfs": "1.22",
	"userns_mode": "1.23",
	"healthcheck": "1.24", "runtime": "1.24", "sysctls": "1.24",
	"cpus": "1.25", "init": "1.25", "mounts": "1.25", "rm": "1.25", "stop_timeout": "1.25",
	"start_period":  "1.29",
	"ipc_private":   "1.32",
	"cgroupns_mode": "1.41",
}

var refusedContainer = regexp.MustCompile(`Error: Invalid: docker_container\.(\w+)\n\n? *on main\.tf line \d+`)

// TestRefused: what a version cannot express is refused at plan, at its line; everything else it can create, and then
// nothing is left to do.
func TestRefused(t *testing.T) {
	program := acctest.Built(t, "cleat")
	made := map[*acctest.Engine]bool{}
	for _, s := range everywhere(t, []string{"1.18", "1.20", "1.21", "1.22", "1.24", "1.28", "1.39"}, "1.24", "1.30") {
		api, e := s.api, s.engine
		if !made[e] {
			made[e] = true
			shared := &cleat{engine: e}
			shared.docker(t, "volume", "create", "old-shared")
			shared.docker(t, "network", "create", "--subnet", e.Subnet(7).String(), "old-shared")
			t.Cleanup(func() {
				shared.docker(t, "volume", "rm", "old-shared")
				shared.docker(t, "network", "rm", "old-shared")
			})
		}
		address := e.Subnet(7).Addr().Next().Next().Next().String()
		t.Run(s.name, func(t *testing.T) {
			id := strings.ReplaceAll(api, ".", "")
			c := &cleat{program: program, dir: t.TempDir(), version: api, project: "refused" + id, engine: e}
			declare := func(names []string) {
				var text strings.Builder
				for _, name := range names {
					fmt.Fprintf(&text, "resource \"docker_container\" %q {\n  name = \"refused%s-%s\"\n  image = \"busybox:1\"\n  start = false\n  %s\n}\n",
						name, id, name, strings.Replace(parts[name], "10.199.0.77", address, 1))
				}
				c.write(t, "main.tf", text.String())
			}
			all := slices.Sorted(maps.Keys(parts))
			declare(all)
			plan := c.run(t, 1, "plan")
			var refused []string
			for _, m := range refusedContainer.FindAllStringSubmatch(plan, -1) {
				refused = append(refused, m[1])
			}
			slices.Sort(refused)
			var want []string
			for name, version := range since {
				if versions.LessThan(api, version) {
					want = append(want, name)
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if strings.Count(plan, "Error: ") != len(refused) || strings.Count(plan, "needs engine API") != len(refused) {
				t.Errorf("other errors:\n%s", plan)
			}
			declare(slices.DeleteFunc(all, func(name string) bool { return slices.Contains(refused, name) }))
			c.apply(t)
			c.run(t, 0, "destroy", "-auto-approve")
		})
	}
}
