//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/metric"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/internal/version"
)

// run is the daemon's life. Sockets are opened first: clients that come while records and host are being compared wait
// a moment instead of being refused, and a wrong address is known before anything is touched.
func (a *app) run(ctx context.Context, c config.Config) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("containers are made by root: run cleatd as root")
	}
	log := a.logger(c)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go a.obey(stop, log)
	notify := newNotifier()

	remove, err := writePidfile(c.Pidfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	listeners, err := listen(ctx, c, log)
	if err != nil {
		return err
	}
	numbers := metric.New(version.String(), version.Commit())
	counted, err := a.metrics(ctx, c, numbers, log)
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	observe, keep := trimmed(numbers.Observe, log)
	defer keep()
	e, err := a.open(ctx, c, observe, log)
	if err != nil {
		stop()
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // told to end while starting
		}
		return errors.Join(err, closeAll(listeners), <-counted)
	}
	if counts, ok := e.(interface {
		Containers() (running, paused, stopped int)
	}); ok {
		numbers.Containers(counts.Containers)
	}
	log.Info("ready", "version", version.String(), "hosts", c.Hosts)
	err = notify.send("READY=1")
	if err != nil {
		log.Warn("telling systemd", "error", err)
	}
	err = e.Serve(ctx, listeners...)
	stop()
	_ = notify.send("STOPPING=1") // whoever was to hear it may be gone
	err = errors.Join(err, e.Close(ctx), <-counted)
	log.Info("ended; containers go on")
	return err
}

// obey ends the daemon at the first signal, and the process at the second.
func (a *app) obey(stop context.CancelFunc, log hclog.Logger) {
	s := <-a.signals
	log.Info("ending", "signal", s.String())
	stop()
	<-a.signals
	a.exit(exitSignal)
}

func (a *app) logger(c config.Config) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name: "cleatd", Level: hclog.LevelFromString(c.LogLevel), Output: a.err, JSONFormat: c.LogFormat == "json",
		DisableTime: c.LogFormat == "text" && os.Getenv("JOURNAL_STREAM") != "", // the journal has its own
	})
}

func listen(ctx context.Context, c config.Config, log hclog.Logger) ([]net.Listener, error) {
	secure, err := server.TLS(tlsFiles(c))
	if err != nil {
		return nil, err
	}
	return server.Listen(ctx, server.ListenConfig{Hosts: c.Hosts, Group: c.Group, TLS: secure, InsecureTCP: c.InsecureTCP, Log: log.Named("listen")})
}

// metrics serves them if an address is configured. The channel has one value when that has ended.
func (a *app) metrics(ctx context.Context, c config.Config, numbers *metric.Metrics, log hclog.Logger) (<-chan error, error) {
	done := make(chan error, 1)
	if c.MetricsAddr == "" {
		done <- nil
		return done, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	go func() { done <- numbers.Serve(ctx, l, log.Named("metrics")) }()
	return done, nil
}

func closeAll(listeners []net.Listener) error {
	var problems []error
	for _, l := range listeners {
		problems = append(problems, l.Close())
	}
	return errors.Join(problems...)
}
