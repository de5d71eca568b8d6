// Package daemon puts cleatd together: mechanisms, services, routes. It is the only place that knows everything;
// services know each other by interfaces of their own, which are met here.
package daemon
