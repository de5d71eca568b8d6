data "docker_logs" "web" {
  name        = "web"
  tail        = "20"
  show_stdout = false
}

output "last_errors" {
  value = data.docker_logs.web.logs_list_string
}
