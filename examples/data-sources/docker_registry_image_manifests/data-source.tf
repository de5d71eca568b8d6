data "docker_registry_image_manifests" "nginx" {
  name = "nginx:1.27"
}

output "nginx_platforms" {
  value = [for m in data.docker_registry_image_manifests.nginx.manifests : "${m.os}/${m.architecture}"]
}
