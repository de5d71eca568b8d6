// Package metric counts what the daemon does, for Prometheus.
//
//	cleat_requests_total{method,route,status}   calls that ended; route is the pattern, empty when there was none
//	cleat_request_duration_seconds{method,route}
//	cleat_containers{state}                     running, paused, stopped
//	cleat_build_info{version,commit}            always 1
//	go_*, process_*                             the runtime's and the kernel's own
package metric
