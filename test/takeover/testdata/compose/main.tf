terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

provider "docker" {}

resource "docker_compose" "app" {
  config_paths   = ["compose.yaml"]
  project_name   = "taken"
  remove_orphans = true
  wait           = true
  wait_timeout   = "30s"
}
