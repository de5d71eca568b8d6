# terraform query -generate-config-out=found.tf
list "docker_volume" "some" {
  provider = docker

  config {
    filter {
      name   = "label"
      values = ["env=prod"]
    }
  }
}
