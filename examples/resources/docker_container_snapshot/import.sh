# By the repository: the last snapshot; or by the name of one.
terraform import docker_container_snapshot.app example/app-snapshot
cleat adopt docker_container_snapshot.app example/app-snapshot
