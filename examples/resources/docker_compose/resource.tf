resource "docker_compose" "shop" {
  config_paths   = ["${path.module}/compose.yaml", "${path.module}/compose.production.yaml"]
  project_name   = "shop"
  profiles       = ["monitoring"]
  remove_orphans = true
  wait           = true
  wait_timeout   = "2m"
}

# One entry per service: a change of one is a change of what refers to it.
resource "terraform_data" "cache" {
  triggers_replace = docker_compose.shop.services["web"]
}
