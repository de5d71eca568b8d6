terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

provider "docker" {}

resource "docker_tag" "app" {
  source_image = "busybox:1"
  target_image = "REGISTRY/team/PREFIX:1"
}

resource "docker_registry_image" "app" {
  name = docker_tag.app.target_image
}

resource "docker_registry_image" "kept" {
  name                 = "REGISTRY/team/PREFIX:1"
  keep_remotely        = true
  insecure_skip_verify = true
  triggers             = { version = "1" }
  depends_on           = [docker_registry_image.app]
}
