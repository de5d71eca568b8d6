# Pulled. A digest pins the content, a tag follows it at the next apply.
resource "docker_image" "nginx" {
  name         = "nginx:1.27"
  keep_locally = true
}

# Built. A changed file of the context is a planned rebuild, and the plan names it.
resource "docker_image" "app" {
  name = "example/app:1.0"

  build {
    context    = "${path.module}/app"
    dockerfile = "Dockerfile"
    target     = "release"
    build_args = {
      VERSION = "1.0"
    }
    labels = {
      "org.opencontainers.image.source" = "https://example.com/app"
    }
  }
}
