// Command terraform-provider-docker is the Terraform and OpenTofu plugin. Terraform starts it; -debug lets a person
// start it under a debugger and attach Terraform to it (TF_REATTACH_PROVIDERS).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/cleat-dev/cleat/internal/version"
	docker "github.com/cleat-dev/cleat/provider"
)

// heapGrowth is how far the heap may grow over what lives before it is collected, in percent. A plan leaves much
// garbage and keeps little; a quarter of Go's standard costs a few percent of CPU and halves the memory. GOGC overrides it.
const heapGrowth = 25

// address is where Terraform looks for the provider.
const address = "registry.terraform.io/cleat-dev/docker"

func main() {
	attach := flag.Bool("debug", false, "wait for Terraform to attach, as debuggers need it")
	show := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *show {
		fmt.Println(version.String())
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if err := serve(context.Background(), *attach); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-docker:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, attach bool) error {
	p, err := docker.New(ctx, version.String())
	if err != nil {
		return err
	}
	return providerserver.Serve(ctx, func() provider.Provider { return p }, providerserver.ServeOpts{
		Address: address, Debug: attach, ProtocolVersion: 6,
	})
}
