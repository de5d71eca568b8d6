package parity

// allowed is every difference that is meant. Everything else is a bug.
var allowed = []allowance{
	{"fails", 2, "docker_container.app", "because", "tainted", "attributes", "what a failed create left is tainted by terraform and has to be replaced; cleat repairs what differs"},
	{"fails", 2, "docker_container.app", "replaces", nil, []string{"command"}, "the same: terraform gives no attributes for a tainted object"},
	{"image-pull", 5, "docker_image.app", "action", "no-op", "delete", "step 4 fails: terraform had removed the old image before its pull, cleat removes nothing before the new one is there"},
	{"sensitive", 0, "output.*", "action", nil, "no-op", "cleat records no sensitive output, so that it cannot say whether one changes"},
	{"sensitive", 0, "recorded output *", "*", nil, nil, "the same"},
	{"*", 0, "*docker_image.*", "action", "delete", "forget", "cleat knows that the image was there before and is not its own, and says so at plan; the provider leaves it when it is asked to delete"},
}
