# Containers that died in the last hour.
data "docker_events" "deaths" {
  since = "1h"

  filter {
    name   = "type"
    values = ["container"]
  }
  filter {
    name   = "event"
    values = ["die"]
  }
}

output "died" {
  value = distinct([for e in data.docker_events.deaths.events : e.attributes["name"]])
}
