// Package config is the resource type docker_config: data a swarm hands to the tasks of services, as files.
//
// The data is declared in one of two spellings, base64 (data) or as it is (data_raw), and always reported in both, so
// that either one can be declared of an object that was made or imported with the other. Write-only data (data_wo) is reported in none: a label says that it is.
package config
