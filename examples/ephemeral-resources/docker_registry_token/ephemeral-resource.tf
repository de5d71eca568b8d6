provider "docker" {
  registry_auth {
    address  = "registry.example.com:5000"
    username = "ci"
    password = var.password
  }
}

variable "password" {
  type      = string
  sensitive = true
}

# For a job that may pull one repository and nothing else, as long as the registry says.
ephemeral "docker_registry_token" "app" {
  address    = "registry.example.com:5000"
  repository = "team/app"
}

resource "docker_container" "job" {
  name  = "job"
  image = "registry.example.com:5000/team/mirror:1"

  env_wo         = { REGISTRY_TOKEN = ephemeral.docker_registry_token.app.token }
  env_wo_version = 1
}
