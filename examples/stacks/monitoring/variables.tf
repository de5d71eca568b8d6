variable "base_image" {
  description = "Small image with a shell and an HTTP server: any busybox."
  type        = string
  default     = "busybox:1"
}

variable "port" {
  description = "Port of this machine for the dashboard."
  type        = number
  default     = 8090
}
