resource "docker_image" "app" {
  name = "example/app:1.0"
}

resource "docker_tag" "app" {
  source_image = docker_image.app.image_id
  target_image = "registry.example.com/team/app:1.0"
}

# Pushed with the provider's registry_auth for registry.example.com, or what "docker login" stored; again with each new image.
resource "docker_registry_image" "app" {
  name          = docker_tag.app.target_image
  keep_remotely = true

  triggers = {
    image = docker_image.app.image_id
  }
}

output "app" {
  value = "registry.example.com/team/app@${docker_registry_image.app.sha256_digest}"
}
