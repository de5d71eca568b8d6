# The search index is built again after every deployment.
resource "docker_container" "app" {
  name  = "app"
  image = "registry.example.com/app:2"

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.docker_exec.reindex]
    }
  }
}

# What an action refers to is done before it: name the resource here, and not "app".
action "docker_exec" "reindex" {
  config {
    container = docker_container.app.name
    command   = ["app", "reindex", "--all"]
    env       = ["LOG_LEVEL=info"]
    timeout   = 300
  }
}
