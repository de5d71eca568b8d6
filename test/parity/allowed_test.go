package parity

const (
	repairs  = "terraform taints what a failed create left and replaces it, whatever it is; cleat repairs what differs"
	verifies = "terraform removes what is declared no longer before a pull that then fails; cleat removes nothing before all pulls have succeeded"
	unspoken = "cleat records no sensitive output, so that it cannot say whether one changes"
	intended = "cleat has written down that it was about to push, and looks at what came of it when it removes that"
	spelled  = "a default that was spelled out is taken out again: terraform's state has the spelling, and cleat, which has no state, sees an object as declared"
)

// allowed is every difference that is meant. Everything else is a bug.
var allowed = []allowance{
	{"fails", 2, "docker_container.app", "because", "tainted", "attributes", repairs},
	{"fails", 2, "docker_container.app", "replaces for command", nil, true, repairs},

	{"image-pull", 5, "docker_image.app", "action", "no-op", "delete", verifies},
	{"image-pull", 5, "docker_container.app", "action", "no-op", "delete", verifies},

	{"registry-image", 9, "docker_registry_image.out", "action", "no-op", "delete", intended},

	{"sensitive", 0, "output.*", "action", nil, "no-op", unspoken},
	{"sensitive", 0, "recorded output *", "*", nil, nil, unspoken},

	{"import", 1, "docker_container.app", "* image", nil, nil, spelled}, // podman calls it docker.io/library/busybox:1
	{"container-rich", 3, "docker_container.web", "* privileged", nil, nil, spelled},
	{"container-rich", 3, "docker_container.web", "* image", nil, nil, spelled},
	{"container-rich", 3, "docker_container.web", "* stop_signal", nil, nil, spelled},
	{"container-rich", 3, "docker_container.web", "* ulimit", nil, nil, spelled},
	{"volume-network", 4, "docker_network.net", "* ipam_config", nil, nil, spelled},

	{"*", 0, "*docker_image.*", "action", "delete", "forget", "cleat knows that the image was there before and is not its own, and says so at plan; the provider leaves it when it is asked to delete it"},
}
