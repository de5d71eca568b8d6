# The second configuration; see old-a.tf.

resource "docker_image" "app" {
  name = "cleat-crash/app:1"

  build {
    context = "${path.module}/app" # with other files
  }
}

resource "docker_container" "web" {
  name    = "cleat-crash-web"
  image   = docker_image.app.image_id
  memory  = 48
  restart = "always"
}

resource "docker_container" "api" {
  name  = "cleat-crash-api"
  image = docker_image.app.image_id
  env   = ["MODE=two"]

  volumes {
    container_path = "/data"
  }
}

resource "docker_container" "worker" {
  name    = "cleat-crash-worker"
  image   = "busybox:1"
  command = ["sleep", "20000"]

  destroy_grace_seconds = 0
}

resource "docker_container" "named" {
  name    = "cleat-crash-named-two"
  image   = "busybox:1"
  command = ["sleep", "10000"]

  destroy_grace_seconds = 0
  memory                = 24
}

resource "docker_container" "there" {
  count = 2

  name    = "cleat-crash-there-${count.index}"
  image   = "busybox:1"
  command = ["sleep", "10000"]

  destroy_grace_seconds = 0

  volumes {
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
