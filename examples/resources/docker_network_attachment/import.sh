# By container and network, a name or id each, as the configuration calls them.
terraform import docker_network_attachment.web web:back
cleat adopt docker_network_attachment.web web:back
