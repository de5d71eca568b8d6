// Package logs is the data source docker_logs: what a container wrote.
package logs
