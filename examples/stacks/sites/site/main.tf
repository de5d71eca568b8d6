terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

resource "docker_volume" "content" {
  name = "cleat-site-${var.name}"
}

resource "docker_container" "server" {
  name    = "cleat-site-${var.name}"
  image   = var.image
  restart = "unless-stopped"
  command = ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait $!"]

  upload {
    file    = "/www/index.html"
    content = "<title>${var.title}</title>\n"
  }

  ports {
    internal = 80
    external = var.port
    ip       = "127.0.0.1"
  }

  volumes {
    volume_name    = docker_volume.content.name
    container_path = "/data"
  }

  dynamic "labels" {
    for_each = var.headers
    content {
      label = "com.example.${labels.key}"
      value = labels.value
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.title) > 0
      error_message = "Site ${var.name} needs a title."
    }
  }
}
