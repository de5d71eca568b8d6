terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

provider "docker" {}

resource "docker_secret" "now" {
  name = "PREFIX-now"
  data = base64encode("open sesame")

  labels {
    label = "role"
    value = "now"
  }
}

resource "docker_secret" "before" {
  name = "PREFIX-before"
  data = base64encode("open sesame")

  labels {
    label = "role"
    value = "before"
  }
}

resource "docker_config" "text" {
  name = "PREFIX-text"
  data = base64encode("mode = fast")
}

resource "docker_config" "raw" {
  name     = "PREFIX-raw"
  data_raw = "mode = fast"

  labels {
    label = "role"
    value = "raw"
  }
}

# Nothing is declared of what the peer records all the same.
resource "docker_service" "plain" {
  name = "PREFIX-plain"

  task_spec {
    container_spec {
      image = "busybox:1"
      args  = ["sleep", "600"]
    }
  }
}

# Nor here, and the peer has updated it since, docker scaled it, and the registry told the platforms of its image.
resource "docker_service" "scaled" {
  name = "PREFIX-scaled"

  task_spec {
    container_spec {
      image = "busybox:1"
      args  = ["sleep", "600"]
    }
  }
}

# What is declared is also what there is where nothing is.
resource "docker_service" "whole" {
  name = "PREFIX-whole"

  labels {
    label = "role"
    value = "web"
  }

  mode {
    replicated {
      replicas = 1
    }
  }

  task_spec {
    container_spec {
      image             = "busybox:1"
      args              = ["sleep", "600"]
      env               = { MODE = "fast" }
      init              = true
      stop_grace_period = "5s"

      labels {
        label = "role"
        value = "web"
      }

      healthcheck {
        test     = ["CMD", "true"]
        interval = "1m"
      }

      dns_config {
        nameservers = ["192.0.2.8"]
        search      = ["example"]
      }

      hosts {
        host = "db"
        ip   = "192.0.2.1"
      }

      mounts {
        target = "/b"
        source = "/tmp"
        type   = "bind"

        bind_options {
          propagation = "rprivate"
        }
      }

      mounts {
        target = "/t"
        type   = "tmpfs"

        tmpfs_options {
          size_bytes = 1048576
          mode       = 448
        }
      }

      secrets {
        secret_id   = docker_secret.now.id
        secret_name = docker_secret.now.name
        file_name   = "s"
      }

      configs {
        config_id   = docker_config.raw.id
        config_name = docker_config.raw.name
        file_name   = "/etc/c"
        file_mode   = 256
      }
    }

    resources {
      limits {
        memory_bytes = 67108864
      }

      reservation {
        nano_cpus = 1000000
      }
    }

    restart_policy {
      condition = "any"
    }

    placement {
      constraints = ["node.role==manager"]
    }

    log_driver {
      name    = "json-file"
      options = { "max-size" = "1m" }
    }
  }

  update_config {}

  rollback_config {
    parallelism       = 2
    delay             = "90s"
    failure_action    = "continue"
    max_failure_ratio = "0.5"
  }

  dynamic "endpoint_spec" {
    for_each = [80]
    content {
      ports {
        target_port    = endpoint_spec.value
        published_port = PORT1
      }
    }
  }

  converge_config {}
}

resource "docker_service" "everywhere" {
  name = "PREFIX-everywhere"

  dynamic "mode" {
    for_each = [true]
    content {
      global = mode.value
    }
  }

  task_spec {
    container_spec {
      image = "busybox:1"
      args  = ["sleep", "600"]
    }

    restart_policy {
      condition    = "on-failure"
      delay        = "3000ms"
      max_attempts = 4
      window       = "1m"
    }
  }

  endpoint_spec {
    mode = "dnsrr"

    ports {
      target_port    = 81
      published_port = PORT0
      publish_mode   = "host"
      protocol       = "udp"
    }
  }
}
