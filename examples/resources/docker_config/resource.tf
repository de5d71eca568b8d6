locals {
  page = "<h1>It works</h1>\n"
}

# A config that a service uses cannot be changed. A new one is made under another name, the service is moved to it,
# and then the old one is removed.
resource "docker_config" "page" {
  name     = "page-${substr(sha256(local.page), 0, 8)}"
  data_raw = local.page

  lifecycle {
    create_before_destroy = true
  }
}

# Data that is no text is given in base64.
resource "docker_config" "key" {
  name = "key"
  data = "AAECAwQFBgc="
}
