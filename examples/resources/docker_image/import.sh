# By name.
terraform import docker_image.nginx nginx:1.27
cleat adopt docker_image.nginx nginx:1.27
