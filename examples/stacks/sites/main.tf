# One module, many instances: add a site to the map and apply.

terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

provider "docker" {}

resource "docker_image" "base" {
  name         = var.base_image
  keep_locally = true
}

module "site" {
  source   = "./site"
  for_each = var.sites

  name    = each.key
  image   = docker_image.base.image_id
  port    = var.first_port + index(sort(keys(var.sites)), each.key)
  title   = each.value.title
  headers = each.value.headers
}
