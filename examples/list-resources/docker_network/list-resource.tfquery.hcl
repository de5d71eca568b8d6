# terraform query -generate-config-out=found.tf
list "docker_network" "some" {
  provider = docker

  config {
    filter {
      name   = "driver"
      values = ["bridge"]
    }
  }
}
