resource "docker_container" "web" {
  name  = "web"
  image = "nginx:1.27"
}

# Put in again when it differs, and in the successor when the container is replaced.
resource "docker_container_file" "site" {
  container   = docker_container.web.id
  path        = "/etc/nginx/conf.d/site.conf"
  content     = "server { listen 8080; }\n"
  permissions = "0640"
  uid         = 101
}

# nginx reads its configuration again when it changed.
resource "docker_exec" "reload" {
  container = docker_container.web.id
  command   = ["nginx", "-s", "reload"]
  triggers  = docker_container_file.site.files
}
