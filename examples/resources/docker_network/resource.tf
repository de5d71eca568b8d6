resource "docker_network" "back" {
  name     = "back"
  driver   = "bridge"
  internal = true

  ipam_config {
    subnet   = "10.40.0.0/24"
    gateway  = "10.40.0.1"
    ip_range = "10.40.0.128/25"
  }

  labels {
    label = "com.example.tier"
    value = "back"
  }
}
