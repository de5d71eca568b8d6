variable "root" {
  type = string
}

variable "program" {
  type = string
}

variable "base_image" {
  type = string
}

variable "containers" {
  type    = number
  default = 0
}
