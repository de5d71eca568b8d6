# terraform apply -invoke=action.docker_container_restart.web
action "docker_container_restart" "web" {
  config {
    container     = "web"
    grace_seconds = 5
  }
}
