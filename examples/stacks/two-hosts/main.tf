# Two Docker hosts in one apply. Without second_host both are the same one, so that it can be tried anywhere:
#
#   cleat -chdir=examples/stacks/two-hosts apply -var second_host=ssh://deploy@edge.example.com

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

resource "docker_image" "base" {
  name         = var.base_image
  keep_locally = true
}

resource "docker_container" "hub" {
  name    = "cleat-two-hosts-hub"
  image   = docker_image.base.image_id
  command = ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait $!"]
  restart = "unless-stopped"

  ports {
    internal = 80
    external = var.port
    ip       = var.hub_address
  }
}

resource "docker_network" "edge" {
  provider = docker.edge

  name = "cleat-two-hosts-edge"
}

resource "docker_container" "edge" {
  provider = docker.edge
  count    = var.edges

  name    = "cleat-two-hosts-edge-${count.index}"
  image   = var.base_image
  command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]
  env     = ["HUB=http://${var.hub_address}:${var.port}/"]
  restart = "unless-stopped"

  networks_advanced {
    name = docker_network.edge.name
  }

  # On one host the image has to be there first; on two it is each host's own.
  depends_on = [docker_container.hub]
}
