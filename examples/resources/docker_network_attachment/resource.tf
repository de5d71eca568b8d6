resource "docker_network" "back" {
  name = "back"
}

resource "docker_container" "web" {
  name    = "web"
  image   = "busybox:1"
  command = ["httpd", "-f", "-p", "8080"]
}

# The container knows nothing of the network it is connected to.
resource "docker_network_attachment" "web" {
  container = docker_container.web.id
  network   = docker_network.back.id
  aliases   = ["www"]
}
