// Package oldengines runs cleat and the provider against old versions of the API: on Debian's dockerd, which still
// speaks 1.12 to 1.41, with the version pinned by the client, and on cleatds that are held back to a version, as real
// engines of that time were. The oldest one, 1.18, has the whole acceptance suite elsewhere: acctest.Each.
package oldengines
