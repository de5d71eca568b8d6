resource "docker_network" "web" {
  name   = "web"
  driver = "overlay"
}

resource "docker_config" "page" {
  name     = "page-1"
  data_raw = "<h1>It works</h1>\n"

  lifecycle {
    create_before_destroy = true
  }
}

resource "docker_service" "web" {
  name = "web"

  task_spec {
    container_spec {
      image = "busybox:1"
      args  = ["httpd", "-f", "-p", "8080", "-h", "/www"]

      configs {
        config_id   = docker_config.page.id
        config_name = docker_config.page.name
        file_name   = "/www/index.html"
      }
      healthcheck {
        test     = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
        interval = "5s"
        retries  = 3
      }
    }
    resources {
      limits {
        memory_bytes = 67108864
      }
    }
    networks_advanced {
      id = docker_network.web.id
    }
  }
  mode {
    replicated {
      replicas = 2
    }
  }
  update_config {
    order          = "start-first"
    failure_action = "rollback"
  }
  endpoint_spec {
    ports {
      target_port    = 8080
      published_port = 8080
    }
  }
  # Wait until the tasks run, and fail when the swarm rolls an update back.
  converge_config {
    timeout = "2m"
  }
}
