output "edges" {
  value = docker_container.edge[*].name
}
