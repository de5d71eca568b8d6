terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

# Without arguments: DOCKER_HOST, DOCKER_CONTEXT or the local socket, and the credentials of "docker login".
provider "docker" {}

# Another host of the same configuration, over SSH, with a registry of its own.
provider "docker" {
  alias    = "edge"
  host     = "ssh://deploy@edge.example.com:22"
  ssh_opts = ["-o", "ConnectTimeout=5"]

  registry_auth {
    address  = "registry.example.com"
    username = var.registry_username
    password = var.registry_password
  }
}

variable "registry_username" {
  type = string
}

variable "registry_password" {
  type      = string
  sensitive = true
}
