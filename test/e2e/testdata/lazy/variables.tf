variable "engine" {
  type = string
}

variable "socket" {
  type = string
}

variable "generation" {
  type    = number
  default = 1
}

variable "base_image" {
  type = string
}
