resource "docker_volume" "site" {
  name = "site"
}

# Every file of the directory, and no others.
resource "docker_volume_content" "site" {
  volume       = docker_volume.site.name
  source       = "${path.module}/site"
  prune        = true
  helper_image = "busybox:1"
}
