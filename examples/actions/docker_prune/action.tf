# terraform apply -invoke=action.docker_prune.old
action "docker_prune" "old" {
  config {
    what   = ["containers", "images"]
    all    = ["images"] # also those with a name
    until  = "168h"     # a week
    labels = ["team=web"]
  }
}

action "docker_prune" "build_cache" {
  config {
    what = ["build_cache"]
  }
}
