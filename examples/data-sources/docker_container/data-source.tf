data "docker_container" "proxy" {
  name = "proxy"
}

output "proxy_image" {
  value = data.docker_container.proxy.image
}
