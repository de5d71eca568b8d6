resource "docker_container" "web" {
  name   = "web"
  image  = "busybox:1"
  memory = provider::docker::parse_size("1.5g") / 1024 / 1024 # mebibytes: 1536
}
