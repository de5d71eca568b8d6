# terraform query -generate-config-out=found.tf
list "docker_image" "some" {
  provider = docker

  config {
    filter {
      name   = "reference"
      values = ["app/*"]
    }
  }
}
