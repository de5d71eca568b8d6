# The second configuration; see a.tf.

resource "docker_image" "app" {
  name = "cleat-crash/app:1"

  build {
    context = "${path.module}/app" # with other files
  }
}

resource "docker_network" "front" {
  name = "cleat-crash-front"
}

# Replaced, and what is connected to it with it.
resource "docker_network" "back" {
  name     = "cleat-crash-back"
  internal = true
}

resource "docker_volume" "data" {
  name = "cleat-crash-data"
}

resource "docker_volume" "logs" {
  name = "cleat-crash-logs"
}

resource "docker_container" "web" {
  name    = "cleat-crash-web"
  image   = docker_image.app.image_id
  memory  = 48
  restart = "always"

  networks_advanced {
    name = docker_network.front.name
  }
}

resource "docker_container" "api" {
  name  = "cleat-crash-api"
  image = docker_image.app.image_id
  env   = ["MODE=two"]

  networks_advanced {
    name = docker_network.back.name
  }

  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
}

resource "docker_container" "worker" {
  name        = "cleat-crash-worker"
  image       = "busybox:1"
  command     = ["sleep", "20000"]
  stop_signal = "SIGKILL"
}

resource "docker_container" "named" {
  name        = "cleat-crash-named-two"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
  memory      = 24
}

resource "docker_container" "there" {
  count = 2

  name        = "cleat-crash-there-${count.index}"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"

  volumes {
    volume_name    = docker_volume.logs.name
    container_path = "/logs"
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
  message    = "of b"
}

output "image" {
  value = docker_image.app.image_id
}
