# The first of two configurations of one project. b.tf differs from it so that going from one to the other creates,
# changes in place, replaces and removes.

resource "docker_image" "app" {
  name = "cleat-crash/app:1"

  build {
    context = "${path.module}/app"
  }
}

resource "docker_network" "front" {
  name = "cleat-crash-front"
}

resource "docker_network" "back" {
  name = "cleat-crash-back"
}

resource "docker_volume" "data" {
  name = "cleat-crash-data"
}

resource "docker_volume" "cache" {
  name = "cleat-crash-cache"
}

resource "docker_container" "web" {
  name    = "cleat-crash-web"
  image   = docker_image.app.image_id
  memory  = 32
  restart = "on-failure"

  networks_advanced {
    name = docker_network.front.name
  }
}

resource "docker_container" "api" {
  name  = "cleat-crash-api"
  image = docker_image.app.image_id
  env   = ["MODE=one"]

  networks_advanced {
    name = docker_network.back.name
  }

  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
}

# Another command: replaced.
resource "docker_container" "worker" {
  name        = "cleat-crash-worker"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}

# Another name: renamed.
resource "docker_container" "named" {
  name        = "cleat-crash-named-one"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}

# Only here.
resource "docker_container" "here" {
  for_each = toset(["x", "y"])

  name        = "cleat-crash-here-${each.key}"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"

  volumes {
    volume_name    = docker_volume.cache.name
    container_path = "/cache"
  }
}

resource "docker_tag" "stable" {
  source_image = docker_image.app.image_id
  target_image = "cleat-crash/app:stable"
}

resource "docker_commit" "snapshot" {
  container  = docker_container.worker.id
  repository = "cleat-crash/snapshot"
  tag        = "1"
}

output "image" {
  value = docker_image.app.image_id
}
