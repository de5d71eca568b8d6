# What a.tf is, for an engine without networks, volumes and stop signals. old-b.tf differs from it so that going from one to the other creates,
# changes in place, replaces and removes.

resource "docker_image" "app" {
  name = "cleat-crash/app:1"

  build {
    context = "${path.module}/app"
  }
}

resource "docker_container" "web" {
  name    = "cleat-crash-web"
  image   = docker_image.app.image_id
  memory  = 32
  restart = "on-failure"
}

resource "docker_container" "api" {
  name  = "cleat-crash-api"
  image = docker_image.app.image_id
  env   = ["MODE=one"]

  volumes {
    container_path = "/data"
  }
}

# Another command: replaced.
resource "docker_container" "worker" {
  name    = "cleat-crash-worker"
  image   = "busybox:1"
  command = ["sleep", "10000"]

  destroy_grace_seconds = 0
}

# Another name: renamed.
resource "docker_container" "named" {
  name    = "cleat-crash-named-one"
  image   = "busybox:1"
  command = ["sleep", "10000"]

  destroy_grace_seconds = 0
}

# Only here.
resource "docker_container" "here" {
  for_each = toset(["x", "y"])

  name    = "cleat-crash-here-${each.key}"
  image   = "busybox:1"
  command = ["sleep", "10000"]

  destroy_grace_seconds = 0

  volumes {
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
