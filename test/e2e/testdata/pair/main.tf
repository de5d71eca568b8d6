# Two hosts in one apply; what is on the second one refers to what is on the first.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {}

provider "docker" {
  alias = "edge"
  host  = var.second_host
}

resource "docker_volume" "hub" {
  name = "cleat-pair"
}

resource "docker_network" "edge" {
  provider = docker.edge
  name     = docker_volume.hub.name
}

resource "docker_container" "edge" {
  provider = docker.edge
  count    = 2
  name     = "cleat-pair-${count.index}"
  image    = var.base_image
  command  = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait $!"]
  env      = ["HUB=${docker_volume.hub.mountpoint}"]

  networks_advanced {
    name = docker_network.edge.name
  }
}
