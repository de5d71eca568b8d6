data "docker_network" "bridge" {
  name = "bridge"
}

output "bridge_subnets" {
  value = [for pool in data.docker_network.bridge.ipam_config : pool.subnet]
}
