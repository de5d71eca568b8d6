// Command terraform-provider-docker is the Terraform and OpenTofu plugin. Terraform starts it; -debug lets a person
// start it under a debugger and attach Terraform to it (TF_REATTACH_PROVIDERS).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/cleat-dev/cleat/internal/version"
	docker "github.com/cleat-dev/cleat/provider"
)

// frameworkLog is the level of the framework's own log. From DEBUG on it names elements of sets by their values, which
// configurations make sensitive and no provider is told of. Our own log has none.
const frameworkLog = "TF_LOG_SDK_FRAMEWORK"

// protocolLogs are the levels of the logs of the protocol's library, which writes several lines for each call and leaves
// it to Terraform to drop them. They are written when any log is asked for.
var protocolLogs = []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO"}

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
	if os.Getenv(frameworkLog) == "" {
		_ = os.Setenv(frameworkLog, "OFF") // fails on bad names only
	}
	if !logged(os.Environ()) {
		for _, name := range protocolLogs {
			_ = os.Setenv(name, "OFF")
		}
	}
	if err := serve(context.Background(), *attach); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-docker:", err)
		os.Exit(1)
	}
}

// logged reports whether an environment asks for a log of Terraform or of providers.
func logged(environment []string) bool {
	return slices.ContainsFunc(environment, func(v string) bool {
		return strings.HasPrefix(v, "TF_LOG") && !strings.HasPrefix(v, frameworkLog+"=")
	})
}

func serve(ctx context.Context, attach bool) error {
	p, err := docker.New(ctx, version.String())
	if err != nil {
		return err
	}
	server, err := docker.NewServer(ctx, p)
	if err != nil {
		return err
	}
	var options []tf6server.ServeOpt
	if attach {
		options = append(options, tf6server.WithManagedDebug())
	}
	return tf6server.Serve(address, func() tfprotov6.ProviderServer { return server }, options...)
}
