# By the target's name.
terraform import docker_tag.stable registry.example.com/app:stable
cleat adopt docker_tag.stable registry.example.com/app:stable
