# Subnets that are taken.
data "docker_networks" "all" {
  filter {
    name   = "driver"
    values = ["bridge"]
  }
}

output "subnets" {
  value = { for n in data.docker_networks.all.networks : n.name => n.subnets }
}
