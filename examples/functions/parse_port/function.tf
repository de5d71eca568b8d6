locals {
  port = provider::docker::parse_port("127.0.0.1:8080:80")
}

resource "docker_container" "web" {
  name  = "web"
  image = "busybox:1"

  ports {
    internal = local.port.internal
    external = local.port.external
    ip       = local.port.ip
    protocol = local.port.protocol
  }
}
