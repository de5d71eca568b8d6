package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/bundled"
)

const (
	// engineDirVariable moves the bundled engine away from the system's places.
	engineDirVariable = "CLEAT_ENGINE_DIR"
	// engineOffVariable keeps cleat from using the bundled engine by itself.
	engineOffVariable = "CLEAT_ENGINE"
)

const engineHelp = `Manages the container engine that comes with cleat, for Linux hosts without Docker.

Where no engine is named (provider block, DOCKER_HOST, docker context) and none answers at
the default socket, every cleat command uses the bundled one and starts it when needed.
It goes on after the command; its containers go on when it is stopped, and when it fails.

Examples:
  cleat engine status
  cleat engine logs -f
  sudo cleat engine stop
  DOCKER_HOST=unix:///run/cleat/cleat.sock docker ps`

// connect reaches the engine of a configuration. Where nobody named one and the default does not answer, it is the
// bundled one.
func (a *app) connect(ctx context.Context, cfg client.Config) (*client.Client, error) {
	c, err := client.New(ctx, cfg)
	var unreachable *client.Unreachable
	if !errors.As(err, &unreachable) || !unreachable.Default || a.getenv(engineOffVariable) == "off" {
		return c, err
	}
	engine, findErr := a.bundled()
	if findErr != nil { // there is none to fall back on
		return nil, err
	}
	started, startErr := engine.Start(ctx)
	if startErr != nil {
		return nil, fmt.Errorf("%w; the bundled engine instead: %w", err, startErr)
	}
	a.tellEngine.Do(func() {
		verb := "using the bundled engine"
		if started {
			verb = "started the bundled engine"
		}
		fmt.Fprintf(a.terminal.Err, "No Docker on this host: %s at %s (\"cleat engine -help\").\n", verb, engine.Host())
	})
	cfg.Host = engine.Host()
	return client.New(ctx, cfg)
}

func (a *app) bundled() (*bundled.Engine, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return bundled.Find(executable, bundled.PlacesIn(a.getenv(engineDirVariable)))
}

func (a *app) engineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "engine COMMAND", Short: "Manage the bundled container engine", Long: engineHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return exit(exitError)
		},
	}
	cmd.AddCommand(a.engineStart(), a.engineStop(), a.engineStatus(), a.engineLogs())
	return cmd
}

// onEngine makes a command that needs the bundled engine; an interrupt ends it.
func (a *app) onEngine(use, short, long string, run func(ctx context.Context, e *bundled.Engine) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := a.bundled()
			if errors.Is(err, bundled.ErrNone) {
				return advise("It is the program cleatd, for Linux, from the same release; put it beside cleat.", "%w", err)
			}
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				select {
				case <-a.signals:
					cancel()
				case <-ctx.Done():
				}
			}()
			err = run(ctx, engine)
			if ctx.Err() != nil {
				return exit(exitInterrupted)
			}
			return err
		},
	}
}

func (a *app) engineStart() *cobra.Command {
	const long = `Starts the bundled engine, or does nothing when it runs, and prints its address.`
	return a.onEngine("start", "Start the bundled engine", long, func(ctx context.Context, e *bundled.Engine) error {
		if _, err := e.Start(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.terminal.Out, e.Host())
		return err
	})
}

func (a *app) engineStop() *cobra.Command {
	const long = `Stops the bundled engine. Its containers go on; the next start takes them over.`
	return a.onEngine("stop", "Stop the bundled engine", long, func(ctx context.Context, e *bundled.Engine) error {
		stopped, err := e.Stop(ctx)
		if err != nil {
			return err
		}
		text := "Stopped. Its containers go on."
		if !stopped {
			text = "It does not run."
		}
		_, err = fmt.Fprintln(a.terminal.Out, text)
		return err
	})
}

func (a *app) engineStatus() *cobra.Command {
	const long = `Says whether the bundled engine runs, where it listens, and where it keeps its data.
The exit code is 0 when it runs and 1 when it does not.`
	asJSON := false
	cmd := a.onEngine("status [flags]", "Show whether the bundled engine runs", long, func(ctx context.Context, e *bundled.Engine) error {
		status := e.Status(ctx)
		if err := a.printStatus(e, status, asJSON); err != nil {
			return err
		}
		if !status.Running {
			return exit(exitError)
		}
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for programs")
	return cmd
}

func (a *app) printStatus(e *bundled.Engine, s bundled.Status, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(a.terminal.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{
			"running": s.Running, "pid": s.PID, "host": e.Host(), "data_root": e.DataRoot(), "log": e.Log(), "program": e.Program,
		})
	}
	state := "not running"
	if s.Running {
		state = "running"
		if s.PID > 0 {
			state = fmt.Sprintf("running, process %d", s.PID)
		}
	}
	_, err := fmt.Fprintf(a.terminal.Out, "state    %s\nhost     %s\ndata     %s\nlog      %s\nprogram  %s\n", state, e.Host(), e.DataRoot(), e.Log(), e.Program)
	return err
}

func (a *app) engineLogs() *cobra.Command {
	const long = `Prints what the bundled engine wrote to its log since cleat started it first.`
	follow, lines := false, -1
	cmd := a.onEngine("logs [flags]", "Print the bundled engine's log", long, func(ctx context.Context, e *bundled.Engine) error {
		return e.Copy(ctx, a.terminal.Out, lines, follow)
	})
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing what comes")
	cmd.Flags().IntVarP(&lines, "tail", "n", -1, "only the last `N` lines")
	return cmd
}
