data "docker_version" "engine" {}

output "api_version" {
  value = data.docker_version.engine.api_version
}
