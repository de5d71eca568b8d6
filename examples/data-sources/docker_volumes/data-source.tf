# Volumes no container uses.
data "docker_volumes" "unused" {
  filter {
    name   = "dangling"
    values = ["true"]
  }
}

output "unused" {
  value = data.docker_volumes.unused.volumes[*].name
}
