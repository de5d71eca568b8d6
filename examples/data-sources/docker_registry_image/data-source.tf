# The tag is followed: when the registry has another image for it, that is pulled.
data "docker_registry_image" "nginx" {
  name = "nginx:1.27"
}

resource "docker_image" "nginx" {
  name          = data.docker_registry_image.nginx.name
  pull_triggers = [data.docker_registry_image.nginx.sha256_digest]
}
