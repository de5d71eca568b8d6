# Images of the team, newest first.
data "docker_images" "ours" {
  filter {
    name   = "label"
    values = ["org.opencontainers.image.vendor=example"]
  }
}

output "tags" {
  value = flatten(data.docker_images.ours.images[*].tags)
}
