// Package testcontainers is a suite as users of testcontainers-go have them.
package testcontainers
