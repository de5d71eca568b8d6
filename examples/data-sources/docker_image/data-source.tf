data "docker_image" "nginx" {
  name = "nginx:1.27"
}

output "nginx_digest" {
  value = data.docker_image.nginx.repo_digest
}
