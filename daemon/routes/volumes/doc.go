// Package volumes is the API's part about volumes, of API 1.21 and later. It decodes, asks its [Backend], and encodes.
package volumes
