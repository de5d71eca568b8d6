// Command terraform-provider-docker is the Terraform and OpenTofu plugin. Terraform starts it; -debug lets a person
// start it under a debugger and attach Terraform to it (TF_REATTACH_PROVIDERS).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/cleat-dev/cleat/internal/version"
	docker "github.com/cleat-dev/cleat/provider"
)

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
