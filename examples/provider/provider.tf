terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

# Without arguments: DOCKER_HOST, DOCKER_CONTEXT or the local socket, and the credentials of "docker login".
provider "docker" {}

# Another host of the same configuration, over SSH, with a registry of its own. Nothing but sshd and an engine is needed
# there, and no ssh command here.
provider "docker" {
  alias    = "edge"
  host     = "ssh://deploy@edge.example.com:22"
  ssh_opts = ["-i", "/keys/deploy", "-o", "ConnectTimeout=5"]

  registry_auth {
    address  = "registry.example.com"
    username = var.registry_username
    password = var.registry_password
  }
}

# A Linux host without Docker: the engine that comes with cleat, started when it does not run.
provider "docker" {
  alias = "standalone"

  bundled_engine {
    data_root = "/srv/cleat"
    flags     = ["--insecure-registry", "10.0.0.0/8"]
  }
}

variable "registry_username" {
  type = string
}

variable "registry_password" {
  type      = string
  sensitive = true
}
