data "docker_disk_usage" "engine" {}

output "reclaimable_bytes" {
  value = data.docker_disk_usage.engine.images.reclaimable + data.docker_disk_usage.engine.build_cache.reclaimable
}
