resource "docker_image" "nginx" {
  name = "nginx:1.27"
}

resource "docker_network" "front" {
  name = "front"
}

resource "docker_volume" "content" {
  name = "content"
}

resource "docker_container" "web" {
  name    = "web"
  image   = docker_image.nginx.image_id
  restart = "unless-stopped"
  env     = ["NGINX_ENTRYPOINT_QUIET_LOGS=1"]
  memory  = 256

  # Return only when the health check has passed once.
  wait         = true
  wait_timeout = 30

  ports {
    internal = 80
    external = 8080
    ip       = "127.0.0.1"
  }

  networks_advanced {
    name    = docker_network.front.name
    aliases = ["www"]
  }

  volumes {
    volume_name    = docker_volume.content.name
    container_path = "/usr/share/nginx/html"
    read_only      = true
  }

  healthcheck {
    test     = ["CMD", "curl", "-fsS", "http://localhost/"]
    interval = "10s"
    timeout  = "3s"
    retries  = 3
  }

  labels {
    label = "com.example.tier"
    value = "front"
  }
}

# Count as started when the database takes connections, not when its process runs.
resource "docker_container" "database" {
  name  = "database"
  image = "postgres:17"
  env   = ["POSTGRES_PASSWORD=example"]

  wait_for {
    log     = "database system is ready to accept connections"
    timeout = "2m"
  }

  wait_for {
    port = 5432
  }
}
