# By the volume's name; every file in it is taken for declared.
terraform import docker_volume_content.site site
cleat adopt docker_volume_content.site site
