# A token only a program can make, for a container that gets it as a secret variable. It is in no state and in no plan.
ephemeral "docker_container" "token" {
  image   = "busybox:1"
  command = ["sh", "-c", "head -c 18 /dev/urandom | base64"]
  timeout = 60
}

resource "docker_container" "app" {
  name    = "app"
  image   = "busybox:1"
  command = ["sleep", "3600"]

  env_wo         = { TOKEN = trimspace(ephemeral.docker_container.token.stdout) }
  env_wo_version = 1
}
