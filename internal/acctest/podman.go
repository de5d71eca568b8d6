package acctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// startPodman starts podman's API service with storage, state and networks of its own.
func startPodman(ctx context.Context) (*Engine, error) {
	if err := programs("podman", "runc", "conmon", "ip", "mount", "iptables"); err != nil {
		return nil, err
	}
	e, err := newEngine("podman")
	if err != nil {
		return nil, err
	}
	env, err := e.podmanConfig()
	if err != nil {
		return nil, err
	}
	e.command = func() *exec.Cmd {
		// What a reboot would clear: podman then knows that none of its containers runs any more.
		_, _ = os.RemoveAll(e.dir.join("runroot")), os.RemoveAll(e.dir.join("tmp"))
		_ = os.Mkdir(e.dir.join("tmp"), 0o700) // a failure shows in podman's log
		cmd := sandboxed("podman", "system", "service", "--time=0", e.Host)
		cmd.Env = append(cmd.Env, env...)
		return cmd
	}
	return e, e.startOrRemove(ctx)
}

// podmanConfig writes podman's configuration and returns the environment that points to it. Limits are low enough
// for a machine without CAP_SYS_RESOURCE: podman's own default asks for more than root has there.
func (e *Engine) podmanConfig() ([]string, error) {
	if err := os.Mkdir(e.dir.join("net"), 0o700); err != nil {
		return nil, err
	}
	storage := "vfs"
	if overlayWorks(e.dir.path) {
		storage = "overlay"
	}
	files := map[string]string{
		"CONTAINERS_CONF": fmt.Sprintf(`[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = %q
static_dir = %q
volume_path = %q

[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]

[network]
network_backend = %q
network_config_dir = %q
default_subnet = "%[6]s.0.0/24"
default_subnet_pools = [{"base" = "%[6]s.0.0/17", "size" = 24}]
`, e.dir.join("tmp"), e.dir.join("root", "libpod"), e.dir.join("root", "volumes"), networkBackend(), e.dir.join("net"), e.pool()),
		"CONTAINERS_STORAGE_CONF": fmt.Sprintf("[storage]\ndriver = %q\ngraphroot = %q\nrunroot = %q\n",
			storage, e.dir.join("root"), e.dir.join("runroot")),
		"CONTAINERS_REGISTRIES_CONF": "unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"disabled\"\n\n" +
			"[[registry]]\nlocation = \"127.0.0.1\"\ninsecure = true\n\n[[registry]]\nlocation = \"localhost\"\ninsecure = true\n",
	}
	env := []string{"TMPDIR=" + e.dir.join("tmp")}
	for name, content := range files {
		path, err := e.dir.write(name, content)
		if err != nil {
			return nil, err
		}
		env = append(env, name+"="+path)
	}
	return env, nil
}

// networkBackend prefers netavark, which brings name resolution between containers; Debian installs podman without.
func networkBackend() string {
	for _, dir := range []string{"/usr/lib/podman", "/usr/libexec/podman"} {
		if _, err := os.Stat(filepath.Join(dir, "netavark")); err == nil {
			return "netavark"
		}
	}
	return "cni"
}
