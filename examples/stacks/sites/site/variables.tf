variable "name" {
  type = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "A site's name has lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "image" {
  type = string
}

variable "port" {
  type = number
}

variable "title" {
  type = string
}

variable "headers" {
  type    = map(string)
  default = {}
}
