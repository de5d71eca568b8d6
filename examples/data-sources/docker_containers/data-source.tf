data "docker_containers" "front" {}

output "names" {
  value = data.docker_containers.front.containers[*].names
}
