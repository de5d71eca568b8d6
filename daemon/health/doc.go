// Package health probes containers and judges what comes of it. It knows nothing of containers but an id, a check and
// where results go; a [Prober] runs the commands.
//
// A container that is watched and idle costs a timer and no goroutine; without any there is neither. While its probe
// runs it costs one goroutine. Probes of one container do not overlap, also when watching is stopped and begun again;
// one that was killed and does not die is waited for some seconds.
//
// The times are those of the API: the first probe comes one interval after the start, the next one interval after the
// end of the last. While a container is "starting" and within its start period the start interval holds instead, and
// failures do not count.
package health
