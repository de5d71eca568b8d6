terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

provider "docker" {}

resource "docker_plugin" "plain" {
  name                  = "PREFIX-plain"
  grant_all_permissions = true
}

resource "docker_plugin" "full" {
  name           = "docker.io/team/PREFIX-full:2"
  alias          = "team/PREFIX-full:2"
  enabled        = false
  env            = ["DEBUG=1", "MODE="]
  enable_timeout = 60
  force_destroy  = true
  force_disable  = true

  grant_permissions {
    name  = "network"
    value = ["host"]
  }

  grant_permissions {
    name  = "capabilities"
    value = ["CAP_NET_ADMIN", "CAP_CHOWN"]
  }
}
