# By id or by name. No engine tells what a secret holds: the declared data is recorded, and the secret is not changed.
terraform import docker_secret.password password
cleat adopt docker_secret.password password
