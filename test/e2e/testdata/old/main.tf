# What an engine of the oldest API cleat drives, 1.18, can express: containers, images, tags and commits.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {}

resource "docker_image" "app" {
  name = "cleat-old/app:1"

  build {
    context = "${path.module}/app"
  }
}

resource "docker_image" "base" {
  name         = var.base_image
  keep_locally = true
}

resource "docker_container" "web" {
  name     = "cleat-old-web"
  image    = docker_image.app.image_id
  env      = ["MODE=old"]
  hostname = "web"
  memory   = var.memory
  restart  = "on-failure"

  max_retry_count = 3

  labels {
    label = "tier"
    value = "front"
  }

  ports {
    internal = 80
    external = var.port
    ip       = "127.0.0.1"
  }

  volumes {
    host_path      = "/tmp"
    container_path = "/host"
    read_only      = true
  }
}

# Knows its neighbour by address, and goes with it when it is replaced.
resource "docker_container" "job" {
  count = 2

  name     = count.index == 0 ? "cleat-old-job" : "cleat-old-job-${count.index}"
  image    = docker_image.base.image_id
  command  = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait $!"]
  env      = ["WEB=${docker_container.web.network_data[0].ip_address}"]
  restart  = "always"
  dns      = ["192.0.2.1"]
  pid_mode = count.index == 0 ? null : "container:${docker_container.web.id}"

  capabilities {
    drop = ["MKNOD"]
  }

  ulimit {
    name = "nofile"
    soft = 100
    hard = 200
  }

  host {
    host = "web"
    ip   = docker_container.web.network_data[0].ip_address
  }
}

resource "docker_tag" "stable" {
  source_image = docker_image.app.image_id
  target_image = "cleat-old/app:stable"
}

resource "docker_commit" "snapshot" {
  container  = docker_container.job[0].id
  repository = "cleat-old/snapshot"
  tag        = "1"
  message    = "of the oldest"
}

output "address" {
  value = "http://127.0.0.1:${docker_container.web.ports[0].external}/"
}
