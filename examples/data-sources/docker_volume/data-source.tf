data "docker_volume" "data" {
  name = "data"
}

output "path_on_host" {
  value = data.docker_volume.data.mountpoint
}
