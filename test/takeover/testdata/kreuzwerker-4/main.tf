terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

provider "docker" {}

resource "docker_image" "app" {
  name         = "busybox:1"
  keep_locally = true
}

resource "docker_image" "http" {
  name         = "cleat-test/http:1"
  keep_locally = true
}

resource "docker_tag" "tagged" {
  source_image = "busybox:1"
  target_image = "PREFIX-tagged:1"
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

resource "docker_network" "plain" {
  name = "PREFIX-plain"
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

# Nothing but what is required.
resource "docker_container" "plain" {
  name    = "PREFIX-plain-one"
  image   = docker_image.app.image_id
  command = ["sleep", "600"]
}

# What it runs comes from the image, whose command the peer records.
resource "docker_container" "http" {
  name  = "PREFIX-http"
  image = docker_image.http.image_id
}

# Never started.
resource "docker_container" "job" {
  name                  = "PREFIX-job"
  image                 = docker_image.app.image_id
  command               = ["sleep", "600"]
  start                 = false
  must_run              = false
  destroy_grace_seconds = 0
}

resource "docker_container" "web" {
  name                  = "PREFIX-web"
  image                 = docker_image.app.image_id
  command               = ["sleep", "600"]
  hostname              = "web"
  domainname            = "example.test"
  user                  = "root"
  working_dir           = "/tmp"
  env                   = ["B=two", "A=1"]
  restart               = "on-failure"
  max_retry_count       = 3
  memory                = 64
  cpu_shares            = 512
  shm_size              = 32
  stop_signal           = "SIGTERM"
  stop_timeout          = 1
  destroy_grace_seconds = 1
  dns                   = ["10.0.0.53"]
  dns_opts              = ["ndots:2"]
  dns_search            = ["example.test"]
  security_opts         = ["no-new-privileges"]
  sysctls               = { "net.ipv4.ip_forward" = "1" }
  tmpfs                 = { "/run" = "rw" }

  capabilities {
    add  = ["CAP_NET_ADMIN"]
    drop = ["CAP_MKNOD"]
  }
  devices {
    host_path      = "/dev/null"
    container_path = "/dev/nothing"
  }
  healthcheck {
    test     = ["CMD", "true"]
    interval = "5s"
    timeout  = "1s"
    retries  = 2
  }
  host {
    host = "db"
    ip   = "10.0.0.9"
  }
  labels {
    label = "role"
    value = "web"
  }
  mounts {
    type   = "tmpfs"
    target = "/scratch"
    tmpfs_options {
      size_bytes = 1048576
    }
  }
  networks_advanced {
    name         = docker_network.net.name
    aliases      = ["www"]
    ipv4_address = "HOST09"
  }
  ports {
    internal = 80
    external = PORT0
  }
  ports {
    internal = 53
    external = PORT1
    ip       = "127.0.0.1"
    protocol = "udp"
  }
  upload {
    file    = "/etc/app.conf"
    content = "mode = fast\n"
  }
  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
  volumes {
    host_path      = "/etc"
    container_path = "/host"
    read_only      = true
  }
}
