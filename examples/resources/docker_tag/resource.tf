resource "docker_image" "app" {
  name = "example/app:1.0"
}

resource "docker_tag" "stable" {
  source_image = docker_image.app.image_id
  target_image = "registry.example.com/app:stable"
}
