# terraform query -generate-config-out=found.tf
list "docker_container" "some" {
  provider = docker

  config {
    filter {
      name   = "status"
      values = ["running"]
    }
  }
}
