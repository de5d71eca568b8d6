resource "docker_container" "app" {
  name  = "app"
  image = "example/app:1.0"
}

# One image for each release, the last three of them kept.
resource "docker_container_snapshot" "app" {
  container  = docker_container.app.id
  repository = "example/app-snapshot"
  keep       = 3

  triggers = {
    release = "1.0"
  }
}
