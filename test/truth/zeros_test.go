package truth_test

import (
	"fmt"
	"testing"
)

// TestZerosInBlocks: a zero in a block that no engine reports is as good as nothing: to declare it, and to declare it no
// longer, is no change.
func TestZerosInBlocks(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		b.Cleanup(b.destroy)
		declare := func(network, upload string) {
			b.write(fmt.Sprintf("resource \"docker_network\" \"n\" {\nname = \"%s-z\"\nipam_config {\nsubnet = %q\n%s\n}\n}\n", b.project, b.engine.Subnet(9), network) +
				b.one("upload {\nfile = \"/z\"\ncontent = \"z\"\n"+upload+"\n}"))
		}
		const map0, flag0 = "aux_address = {}", "executable = false"
		declare(map0, flag0)
		b.apply()
		b.empty("the apply")
		declare("", "")
		b.empty("zeros that are declared no longer")
		declare(map0, flag0)
		b.empty("zeros that are declared again")
	})
}
