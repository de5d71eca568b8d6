//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/signal"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon"
	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/server"
)

// engine is a daemon without its surroundings.
type engine interface {
	Serve(ctx context.Context, listeners ...net.Listener) error
	Close(ctx context.Context) error
}

// app is what the program has from the outside.
type app struct {
	out, err io.Writer
	signals  <-chan os.Signal
	exit     func(code int) // at once
	// open makes the engine, after the sockets are there and before they are answered.
	open func(ctx context.Context, c config.Config, observe func(server.Call), log hclog.Logger) (engine, error)
}

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	// Go ends a program whose standard error is closed at the other end. Notify prevents it; Ignore would, too, but for
	// the containers as well.
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	unix.Umask(0o022) // that of what containers make, whoever starts the daemon
	a := &app{out: os.Stdout, err: os.Stderr, signals: signals, exit: os.Exit, open: openDaemon}
	os.Exit(a.main(context.Background(), os.Args[1:]))
}

func openDaemon(ctx context.Context, c config.Config, observe func(server.Call), log hclog.Logger) (engine, error) {
	adoptLogs(log.Named("library"))
	d, err := daemon.New(ctx, c, observe, log)
	if err != nil { // a nil pointer would be an engine
		return nil, err
	}
	return d, nil
}
