variable "second_host" {
  type = string
}

variable "base_image" {
  type = string
}
