variable "password" {
  type      = string
  sensitive = true
  default   = "example"
}

# A secret that a service uses cannot be changed. A new one is made under another name, the service is moved to it,
# and then the old one is removed.
resource "docker_secret" "password" {
  name = "password-${substr(sha256(nonsensitive(sha256(var.password))), 0, 8)}"
  data = base64encode(var.password)

  labels {
    label = "com.example.owner"
    value = "ops"
  }
  lifecycle {
    create_before_destroy = true
  }
}

# Data that is to be in no state, which an ephemeral variable or resource may give. Another version announces other data.
resource "docker_secret" "token" {
  name            = "token"
  data_wo         = base64encode(var.password)
  data_wo_version = 1
}
