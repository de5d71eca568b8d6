# In place of a builder: the engine builds, here for two platforms.
resource "docker_image" "app" {
  for_each = toset(["linux/amd64", "linux/arm64"])

  name = "registry.example.com/app:${replace(each.key, "/", "-")}"

  build {
    context  = "${path.module}/app"
    platform = each.key
  }
}
