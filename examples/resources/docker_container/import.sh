# By name or id.
terraform import docker_container.web web
cleat adopt docker_container.web web
