# A container that reads its files at start is made again when they change.
resource "docker_container" "web" {
  name  = "web"
  image = "busybox:1"

  volumes {
    host_path      = abspath(path.module)
    container_path = "/site"
    read_only      = true
  }
  labels {
    label = "site"
    value = provider::docker::context_hash(path.module)
  }
}
