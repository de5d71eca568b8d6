# The host is made in the same apply as what is on it: its address is not known when that is planned, and nobody listens
# there yet.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

resource "terraform_data" "host" {
  triggers_replace = var.generation
  input            = "unix://${var.socket}"

  provisioner "local-exec" {
    command = "ln -sfn ${var.engine} ${var.socket}"
  }
}

provider "docker" {
  host = terraform_data.host.output
}

# A known address at which nobody listens yet.
provider "docker" {
  alias                       = "unchecked"
  host                        = "unix://${var.socket}"
  disable_docker_daemon_check = true
}

resource "docker_volume" "a" {
  name = "cleat-lazy-a"
}

resource "docker_network" "a" {
  name = "cleat-lazy-a"
}

resource "docker_image" "a" {
  name         = var.base_image
  keep_locally = true
}

resource "docker_container" "a" {
  name    = "cleat-lazy-a"
  image   = docker_image.a.image_id
  command = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait $!"]

  networks_advanced {
    name = docker_network.a.name
  }

  volumes {
    volume_name    = docker_volume.a.name
    container_path = "/data"
  }
}

resource "docker_volume" "b" {
  provider   = docker.unchecked
  name       = "cleat-lazy-b"
  depends_on = [terraform_data.host]
}

data "docker_info" "a" {
  depends_on = [terraform_data.host]
}

output "engine" {
  value = data.docker_info.a.server_version
}
