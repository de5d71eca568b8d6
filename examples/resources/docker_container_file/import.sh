# By the container's name or id and the path.
terraform import docker_container_file.site web:/etc/nginx/conf.d/site.conf
cleat adopt docker_container_file.site web:/etc/nginx/conf.d/site.conf
