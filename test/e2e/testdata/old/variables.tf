variable "port" {
  type = number
}

variable "memory" {
  type    = number
  default = 32
}

variable "base_image" {
  type = string
}
