// Package acctest gives tests real container engines of their own: a private dockerd, a private podman service and
// private registries, with images made on the spot from Debian's static busybox. Nothing is downloaded.
//
// A test package that uses it hands its tests to [Main]:
//
//	func TestMain(m *testing.M) { acctest.Main(m) }
//
//	func TestVolume(t *testing.T) {
//		acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
//			t.Setenv("DOCKER_HOST", e.Host)
//			…
//		})
//	}
//
// # Isolation
//
// Main moves the test binary into a network namespace of its own before any test runs. Addresses, ports, bridges and
// packet filter rules of the engines therefore cannot meet those of the machine, of a Docker installed on it, or of
// another test binary; 127.0.0.1:PORT reaches published ports from the test and from every program it starts.
// Nothing outside the machine can be reached from inside.
//
// Each engine runs in process and mount namespaces of its own, tied to the life of the test binary. Killing its first
// process ends engine, monitors and containers and takes their mounts along, and the kernel does it for us when the
// test binary itself is killed. What is left, directories and control groups, is removed at the end
// or, after a kill -9, by the next run (each directory is held by a file lock of its owner).
//
// # When engines are missing
//
// A test that asks for an engine which cannot be started (not root, not Linux, program not installed) is skipped and
// says why. It fails instead when CI or CLEAT_REQUIRE_ENGINES is set. CLEAT_TEST_ENGINES=off, or -short, skips all.
package acctest
