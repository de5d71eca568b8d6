# Two bundled engines of one machine, and no other.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {
  bundled_engine {
    data_root = "${var.root}/a"
    exec_root = "${var.root}/a-exec"
    program   = var.program
  }
}

provider "docker" {
  alias = "b"

  bundled_engine {
    data_root = "${var.root}/b"
    exec_root = "${var.root}/b-exec"
    socket    = "${var.root}/b.sock"
    program   = var.program
    flags     = ["--label", "engine=b"]
  }
}

resource "docker_volume" "a" {
  name = "cleat-bundled"
}

resource "docker_volume" "b" {
  provider = docker.b
  name     = "cleat-bundled"
}

resource "docker_network" "b" {
  provider = docker.b
  name     = "cleat-bundled"
}

resource "docker_container" "a" {
  count   = var.containers
  name    = "cleat-bundled"
  image   = var.base_image
  command = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait $!"]
}

resource "docker_container" "b" {
  provider = docker.b
  count    = var.containers
  name     = "cleat-bundled"
  image    = var.base_image
  command  = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait $!"]

  networks_advanced {
    name = docker_network.b.name
  }
}
