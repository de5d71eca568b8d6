// Command engines starts private container engines for people and scripts, as the tests get them from package acctest.
//
//	engines [-engine dockerd,podman,cleatd] [-registry] [command [argument…]]
//
// With a command it runs that, with DOCKER_HOST (the first engine), CLEAT_DOCKERD, CLEAT_PODMAN and CLEAT_REGISTRY in
// its environment, and exits with its code. Published ports are reachable from the command and what it starts, at
// 127.0.0.1, and from nowhere else.
//
// Without a command it prints the environment as shell assignments and keeps the engines until its standard input
// ends or it is interrupted. Reach published ports with the line it prints last.
//
// Everything is gone when it ends, also when it is killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func main() {
	kinds := flag.String("engine", "dockerd", "engines to start, comma separated: dockerd, podman, cleatd, swarm; empty for none")
	registry := flag.Bool("registry", false, "start a registry as well")
	flag.Parse()
	if err := acctest.Isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, strings.Split(*kinds, ","), *registry, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// run starts what is asked for, runs the command or waits, and stops everything.
func run(ctx context.Context, kinds []string, withRegistry bool, command []string) (code int, err error) {
	var env []string
	for i, kind := range kinds {
		if kind == "" { // none: the network namespace is all that is wanted
			continue
		}
		e, startErr := acctest.Start(ctx, kind)
		if startErr != nil {
			return 1, startErr
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		if i == 0 {
			env = append(env, "DOCKER_HOST="+e.Host)
		}
		env = append(env, "CLEAT_"+strings.ToUpper(kind)+"="+e.Host)
	}
	if withRegistry {
		r, startErr := acctest.StartRegistry(ctx, acctest.Auth{})
		if startErr != nil {
			return 1, startErr
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		env = append(env, "CLEAT_REGISTRY="+r.Address)
	}
	if len(command) == 0 {
		hold(ctx, env)
		return 0, nil
	}
	return runCommand(ctx, env, command)
}

// runCommand runs the command to its end; interrupts reach it as well as us, and it may take its time to stop.
func runCommand(ctx context.Context, env, command []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// hold prints the environment and waits for the end of the input or of the context.
func hold(ctx context.Context, env []string) {
	for _, assignment := range env {
		fmt.Println("export " + assignment)
	}
	fmt.Printf("# published ports: nsenter --net=/proc/%d/ns/net curl http://127.0.0.1:PORT\n", os.Getpid())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is all we want to know
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	}
}
