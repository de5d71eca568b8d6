# The same image, from a mirror.
locals {
  image = provider::docker::parse_image_ref("ghcr.io/team/app:v1")
}

output "mirrored" {
  value = provider::docker::build_image_ref("mirror.example:5000", local.image.repository, local.image.tag, local.image.digest) # mirror.example:5000/team/app:v1
}
