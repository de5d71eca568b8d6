resource "docker_container" "web" {
  name  = "web"
  image = "busybox:1"
  env   = provider::docker::env_list({ MODE = "live", LEVEL = "2" })
}
