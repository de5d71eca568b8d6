# By id or by name.
terraform import docker_service.web web
cleat adopt docker_service.web web
