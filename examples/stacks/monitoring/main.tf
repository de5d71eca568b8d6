# Several containers that belong together: targets that report, a collector that asks them, a dashboard in front.
# Private and public networks, limits, health checks, log rotation, files put into containers.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {}

locals {
  prefix  = "cleat-monitoring"
  targets = toset(["alpha", "beta"])

  # Busybox's httpd as process 1 does not notice SIGTERM; a shell that waits for it does.
  serve = "trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait $!"
}

resource "docker_image" "base" {
  name         = var.base_image
  keep_locally = true
}

# Nothing outside reaches the targets.
resource "docker_network" "inside" {
  name     = "${local.prefix}-inside"
  internal = true
}

resource "docker_network" "outside" {
  name = "${local.prefix}-outside"
}

resource "docker_volume" "series" {
  name = "${local.prefix}-series"

  labels {
    label = "com.example.backup"
    value = "daily"
  }
}

resource "docker_container" "target" {
  for_each = local.targets

  name    = "${local.prefix}-${each.key}"
  image   = docker_image.base.image_id
  command = ["sh", "-c", local.serve]
  restart = "always"
  memory  = 32

  networks_advanced {
    name    = docker_network.inside.name
    aliases = [each.key]
  }

  upload {
    file    = "/www/metrics"
    content = "up{target=\"${each.key}\"} 1\n"
  }

  log_driver = "json-file"
  log_opts = {
    max-size = "1m"
    max-file = "2"
  }
}

resource "docker_container" "collector" {
  name    = "${local.prefix}-collector"
  image   = docker_image.base.image_id
  restart = "on-failure"
  command = ["sh", "/etc/collect.sh"]
  env     = ["TARGETS=${join(" ", local.targets)}", "EVERY=5"]
  memory  = 64

  upload {
    file    = "/etc/collect.sh"
    content = file("${path.module}/collect.sh")
  }

  networks_advanced {
    name = docker_network.inside.name
  }

  volumes {
    volume_name    = docker_volume.series.name
    container_path = "/series"
  }

  depends_on = [docker_container.target]
}

resource "docker_container" "dashboard" {
  name    = "${local.prefix}-dashboard"
  image   = docker_image.base.image_id
  command = ["sh", "-c", local.serve]
  restart = "unless-stopped"

  ports {
    internal = 80
    external = var.port
    ip       = "127.0.0.1"
  }

  networks_advanced {
    name = docker_network.outside.name
  }

  volumes {
    volume_name    = docker_volume.series.name
    container_path = "/www"
    read_only      = true
  }

  healthcheck {
    test     = ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1/ || test $? = 1"]
    interval = "5s"
    timeout  = "2s"
    retries  = 3
  }
}
