resource "docker_container" "ftp" {
  name  = "ftp"
  image = "busybox:1"

  dynamic "ports" {
    for_each = provider::docker::parse_ports("30000-30009:30000-30009")
    content {
      internal = ports.value.internal
      external = ports.value.external
      ip       = ports.value.ip
      protocol = ports.value.protocol
    }
  }
}
