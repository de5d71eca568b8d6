# By the image's name.
terraform import docker_commit.golden example/golden:2024.1
cleat adopt docker_commit.golden example/golden:2024.1
