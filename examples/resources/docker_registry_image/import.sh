# By name. What the name stands for in the registry now is taken for what was pushed.
terraform import docker_registry_image.app registry.example.com/team/app:1.0
cleat adopt docker_registry_image.app registry.example.com/team/app:1.0
