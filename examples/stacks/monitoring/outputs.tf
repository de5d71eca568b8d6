output "dashboard" {
  value = "http://127.0.0.1:${var.port}/"
}

output "targets" {
  value = [for target in docker_container.target : target.name]
}
