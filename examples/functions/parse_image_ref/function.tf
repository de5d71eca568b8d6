locals {
  image = provider::docker::parse_image_ref("ghcr.io/team/app:v1")
}

output "from" {
  value = "${local.image.repository} of ${local.image.registry}" # team/app of ghcr.io
}
