# By name or id.
terraform import docker_network.back back
cleat adopt docker_network.back back
