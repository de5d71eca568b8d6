data "docker_registry_image_tags" "app" {
  name          = "registry.example.com/team/app"
  strict_semver = true
}

# The newest version that is no pre-release.
output "newest" {
  value = reverse([for tag in data.docker_registry_image_tags.app.tags : tag if !strcontains(tag, "-")])[0]
}
