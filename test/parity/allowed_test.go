package parity

// allowed is every difference that is meant. Everything else is a bug.
var allowed = []allowance{
	{"*", 0, "*docker_image.*", "action", "delete", "forget", "cleat knows that the image was there before and is not its own, and says so at plan; the provider leaves it when it is asked to delete"},
}
