resource "docker_image" "base" {
  name = "debian:12"
}

resource "docker_container" "prepared" {
  name     = "prepared"
  image    = docker_image.base.image_id
  command  = ["sh", "-c", "echo ready > /etc/prepared"]
  must_run = false
}

# An image of the container's file system. Committed again when the container is another one or a trigger changes.
resource "docker_commit" "golden" {
  container  = docker_container.prepared.id
  repository = "example/golden"
  tag        = "2024.1"
  message    = "prepared by cleat"
  author     = "ops@example.com"
  changes    = ["CMD [\"cat\", \"/etc/prepared\"]"]

  triggers = {
    release = "2024.1"
  }
}
