package metric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cleat-dev/cleat/daemon/server"
)

// Metrics is one registry, not the global one.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

// New returns the metrics of a program.
func New(version, commit string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cleat_requests_total", Help: "Calls of the API that ended.",
		}, []string{"method", "route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cleat_request_duration_seconds", Help: "Time from a call's header to the end of its answer.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60},
		}, []string{"method", "route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cleat_build_info", Help: "Version of the daemon.", ConstLabels: prometheus.Labels{"version": version, "commit": commit},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.durations, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a call; it is the server's [server.Config].Observe.
func (m *Metrics) Observe(c server.Call) {
	m.requests.WithLabelValues(c.Method, c.Path, strconv.Itoa(c.Status)).Inc()
	m.durations.WithLabelValues(c.Method, c.Path).Observe(c.Duration.Seconds())
}

// Containers adds the number of containers by state, asked for whenever the metrics are read. It may be called once.
func (m *Metrics) Containers(count func() (running, paused, stopped int)) {
	m.registry.MustRegister(&containers{count: count, desc: prometheus.NewDesc("cleat_containers", "Containers by state.", []string{"state"}, nil)})
}

// containers asks for all states at once, so that they belong together.
type containers struct {
	count func() (running, paused, stopped int)
	desc  *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c *containers) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect is part of prometheus.Collector.
func (c *containers) Collect(to chan<- prometheus.Metric) {
	running, paused, stopped := c.count()
	for state, n := range map[string]int{"running": running, "paused": paused, "stopped": stopped} {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(n), state)
	}
}

// Handler answers GET /metrics, and nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// Serve answers on the listener until ctx ends; it closes it. Reading metrics changes nothing and shows no secret, so
// there is no TLS: choose the address accordingly.
func (m *Metrics) Serve(ctx context.Context, l net.Listener, log hclog.Logger) error {
	h := &http.Server{
		Handler: m.Handler(), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute,
		ErrorLog: log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
