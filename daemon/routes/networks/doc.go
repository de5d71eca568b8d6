// Package networks is the API's part about networks, of API 1.21 and later. It decodes, asks its [Backend], and encodes.
package networks
