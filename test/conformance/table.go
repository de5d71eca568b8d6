package main

const (
	fixed      = "no call of an engine changes it while the object lives"
	identity   = "it is what the object is found by: under another one there is no object"
	ours       = "of no other provider: there are no states to take over"
	onlyName   = "it is imported by its name, which says more than the id"
	unread     = "podman 4.3 does not report it: the plan sees no change"
	noSuch     = "nothing on a Linux machine without a second one has it"
	noCluster  = "a cluster volume is made by a CSI driver in a swarm, which cleatd has not"
	withBlock  = "the attachment is seen as a whole: another one is a network left and joined again"
	thisDocker = "dockerd needs a capability for it that this machine's root has not"
)

// reasons are why no test shows what it might.
var reasons = []reason{
	{types: "docker_container", checks: "changed drift", attributes: "storage_opts", why: "size needs a storage driver with quotas"},
	{types: "docker_container", checks: "changed drift", attributes: "mounts.volume_options.driver_name", why: "the engines have one volume driver"},
	{types: "docker_container docker_network_attachment", engines: "dockerd podman", checks: "changed drift", attributes: "networks_advanced.link_local_ips link_local_ips", why: "dockerd's bridge driver refuses them, podman ignores them"},
	{types: "docker_container", engines: "podman", checks: "changed drift",
		attributes: "gpus init runtime device_requests devices.permissions mounts.volume_options.driver_options mounts.volume_options.no_copy mounts.volume_options.labels networks_advanced.driver_opts volumes.selinux_relabel", why: unread},
	{types: "docker_container", engines: "podman", checks: "drift", attributes: "cgroupns_mode domainname ipc_mode log_opts publish_all_ports sysctls userns_mode", why: unread},
	{types: "docker_container", checks: "drift", attributes: "env_wo_version", why: "it is of the declaration: no engine changes it"},

	{types: "docker_commit", checks: "drift", attributes: "author message repository tag", why: "an image is what it is: another one of the name moves image_id"},
	{types: "docker_image", checks: "drift", attributes: "name", why: identity},
	{types: "docker_tag", checks: "drift", attributes: "source_image", why: "a name that stands for another image is drift of source_image_id", by: "source_image_id"},
	{types: "docker_tag", checks: "drift", attributes: "target_image", why: identity},
	{types: "docker_image docker_tag", checks: "import-id", why: "the id holds the image's name: TestImportByIDAndName"},
	{types: "docker_image docker_registry_image", checks: "changed", attributes: "build.isolation build.session_id build.squash", why: "only Windows, BuildKit or an experimental engine takes it"},
	{types: "docker_image docker_registry_image", engines: "dockerd cleatd", checks: "changed", attributes: "build.security_opt", why: "only Windows or BuildKit takes it"},
	{types: "docker_image docker_registry_image", checks: "changed", attributes: "build.pull_parent build.remote_context", why: "it asks another machine"},
	{types: "docker_image docker_registry_image", engines: "podman", checks: "changed", attributes: "build.remove", why: "podman 4.3 leaves a container that holds the image then"},
	{types: "docker_registry_image", checks: "drift", attributes: "name", why: identity},
	{types: "docker_registry_image", checks: "import-id", why: "the id holds a digest: it is imported by its name"},

	{types: "docker_config docker_secret", checks: "drift", attributes: "data data_raw data_wo_version name", why: fixed},
	{types: "docker_service", checks: "drift", attributes: "name mode.global task_spec.runtime", why: fixed},
	{types: "docker_service", checks: "changed drift", attributes: "task_spec.container_spec.privileges.credential_spec", why: "credentials of Windows"},
	{types: "docker_service", checks: "changed drift", attributes: "task_spec.resources.reservation.generic_resources", why: "the node has none"},
	{types: "docker_service", checks: "changed", attributes: "task_spec.networks_advanced.id", why: "an older spelling of name"},

	{types: "docker_network", checks: "changed drift", attributes: "driver ingress ipam_driver", why: "bridge and overlay, default addresses: the engines have no other that all of this machine can use"},
	{types: "docker_network", engines: "podman", checks: "changed drift", attributes: "attachable ipam_options ipam_config.aux_address", why: "podman 4.3 does not know it"},
	{types: "docker_network_attachment", engines: "podman", checks: "changed drift", attributes: "driver_opts", why: unread},
	{types: "docker_network_attachment", checks: "drift", attributes: "container network", why: identity},

	{types: "docker_volume", checks: "changed drift", attributes: "driver", why: "the engines have one volume driver"},
	{types: "docker_volume", engines: "cleatd", checks: "changed drift", attributes: "cluster", why: noCluster},

	{types: "docker_container_file docker_volume_content", checks: "drift", attributes: "archive content content_base64 gid permissions source uid", why: "what of it is otherwise in the files there is drift of files", by: "files"},
	{types: "docker_container_file", checks: "drift", attributes: "path", why: identity},
	{types: "docker_volume_content", checks: "drift", attributes: "volume", why: identity},
	{types: "docker_container_snapshot", checks: "drift", attributes: "repository", why: identity},
	{types: "docker_exec", engines: "dockerd", checks: "changed", attributes: "privileged", why: thisDocker},
	{types: "docker_exec docker_volume_content", checks: "import-id import-name", why: "a run or a declaration of files: nothing on an engine to import"},
	{types: "docker_commit docker_container_file docker_container_snapshot docker_exec docker_network_attachment docker_volume_content", checks: "take-over", why: ours},
	{types: "docker_plugin", checks: "drift", attributes: "alias name", why: identity},
	{types: "docker_container_file", checks: "import-id", why: "the id is the container's id and the path; it is imported by the container's name and the path"},
	{types: "docker_container_snapshot docker_network_attachment", checks: "import-name", why: "the id is made of names: it is the one way"},
	{types: "docker_compose", checks: "drift", attributes: "project_name", why: identity},
	{types: "docker_compose", checks: "import-name", why: "the id is the project's name"},
	{types: "docker_volume_content", checks: "drift", attributes: "*", why: "files that are gone are drift of files", by: "files"},
}
