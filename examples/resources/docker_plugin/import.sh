# By the name on the engine, or by id.
terraform import docker_plugin.sshfs sshfs
cleat adopt docker_plugin.sshfs sshfs
