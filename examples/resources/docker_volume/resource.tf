resource "docker_volume" "data" {
  name = "data"

  labels {
    label = "com.example.backup"
    value = "daily"
  }
}

# A network file system, mounted by the engine.
resource "docker_volume" "shared" {
  name   = "shared"
  driver = "local"
  driver_opts = {
    type   = "nfs"
    o      = "addr=10.0.0.5,rw"
    device = ":/export/shared"
  }
}
