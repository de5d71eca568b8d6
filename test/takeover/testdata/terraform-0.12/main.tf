terraform {
  required_providers {
    docker = {
      source = "terraform-providers/docker"
    }
  }
}

provider "docker" {}

resource "docker_image" "app" {
  name         = "busybox:1"
  keep_locally = true
}

resource "docker_network" "net" {
  name    = "PREFIX-net"
  options = { "com.docker.network.driver.mtu" = "1400" }

  ipam_config {
    subnet  = "SUBNET0"
    gateway = "HOST01"
  }
  labels {
    label = "role"
    value = "net"
  }
}

resource "docker_volume" "data" {
  name = "PREFIX-data"

  labels {
    label = "role"
    value = "data"
  }
}

resource "docker_volume" "bare" {
  name = "PREFIX-bare"
}

# It said docker_image.app.latest before version 3.
resource "docker_container" "web" {
  name    = "PREFIX-web"
  image   = docker_image.app.image_id
  command = ["sleep", "600"]
  env     = ["A=1"]

  labels {
    label = "role"
    value = "web"
  }
  mounts {
    type   = "volume"
    source = docker_volume.bare.name
    target = "/bare"
    volume_options {
      labels {
        label = "a"
        value = "1"
      }
    }
  }
  networks_advanced {
    name    = docker_network.net.name
    aliases = ["www"]
  }
  ports {
    internal = 80
    external = PORT0
  }
  ulimit {
    name = "nofile"
    soft = 512
    hard = 1024
  }
  upload {
    file    = "/etc/app.conf"
    content = "mode = fast\n"
  }
  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
}
