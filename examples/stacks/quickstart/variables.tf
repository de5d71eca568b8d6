variable "base_image" {
  description = "Small image with a shell and an HTTP server to build on: any busybox."
  type        = string
  default     = "busybox:1"
}

variable "port" {
  description = "Port of this machine for the web page; the next one is taken as well."
  type        = number
  default     = 8080

  validation {
    condition     = var.port > 0 && var.port < 65535
    error_message = "The port must be between 1 and 65534."
  }
}
