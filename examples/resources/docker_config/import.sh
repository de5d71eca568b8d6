# By id or by name.
terraform import docker_config.page page
cleat adopt docker_config.page page
