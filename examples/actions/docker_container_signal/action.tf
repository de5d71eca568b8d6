# nginx reads its configuration again when the file has changed.
resource "docker_container_file" "config" {
  container = "web"
  path      = "/etc/nginx/conf.d/default.conf"
  content   = "server { listen 80; }\n"

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.docker_container_signal.reload]
    }
  }
}

# What an action refers to is done before it: name the file here, and not "web".
action "docker_container_signal" "reload" {
  config {
    container = docker_container_file.config.container
    signal    = "SIGHUP"
  }
}
