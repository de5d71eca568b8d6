data "docker_info" "host" {}

output "host" {
  value = "${data.docker_info.host.name}: ${data.docker_info.host.ncpu} processors, ${data.docker_info.host.operating_system}"
}
