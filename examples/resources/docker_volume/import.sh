# By name.
terraform import docker_volume.data data
cleat adopt docker_volume.data data
