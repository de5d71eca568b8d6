# By the project's name; which files it is made of is in the labels of its containers.
terraform import docker_compose.shop shop
cleat adopt docker_compose.shop shop
