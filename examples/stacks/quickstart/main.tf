# Every kind of object once: an image built here, a volume, a network, two containers, a tag and a commit.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {}

# Change a file in web/ and plan: the image is rebuilt and its container replaced.
resource "docker_image" "web" {
  name = "cleat-quickstart/web:1"

  build {
    context = "${path.module}/web"
    build_args = {
      BASE = var.base_image
    }
  }
}

resource "docker_network" "front" {
  name = "cleat-quickstart"
}

resource "docker_volume" "data" {
  name = "cleat-quickstart-data"
}

# Serves its page, and what the clock writes.
resource "docker_container" "web" {
  name    = "cleat-quickstart-web"
  image   = docker_image.web.image_id
  restart = "unless-stopped"
  memory  = 64

  ports {
    internal = 80
    external = var.port
    ip       = "127.0.0.1"
  }

  networks_advanced {
    name    = docker_network.front.name
    aliases = ["web"]
  }

  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/www/data"
    read_only      = true
  }
}

resource "docker_container" "clock" {
  name            = "cleat-quickstart-clock"
  image           = docker_image.web.image_id
  command         = ["sh", "-c", "trap 'exit 0' TERM; while :; do date > /data/now.txt; sleep 1 & wait $!; done"]
  restart         = "on-failure"
  max_retry_count = 3

  ports {
    internal = 80
    external = var.port + 1
    ip       = "127.0.0.1"
  }

  networks_advanced {
    name = docker_network.front.name
  }

  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
}

# A second name for the image, as a release would get.
resource "docker_tag" "stable" {
  source_image = docker_image.web.image_id
  target_image = "cleat-quickstart/web:stable"
}

# The running container's file system as an image.
resource "docker_commit" "snapshot" {
  container  = docker_container.clock.id
  repository = "cleat-quickstart/snapshot"
  tag        = "1"
  message    = "taken by the quickstart"
}
