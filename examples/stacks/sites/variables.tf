variable "base_image" {
  description = "Small image with a shell and an HTTP server: any busybox."
  type        = string
  default     = "busybox:1"
}

variable "first_port" {
  description = "Port of this machine for the first site; the others follow."
  type        = number
  default     = 8100
}

variable "sites" {
  description = "Sites by name."
  type = map(object({
    title   = string
    headers = optional(map(string), {})
  }))
  default = {
    blog = { title = "A blog" }
    shop = { title = "A shop", headers = { owner = "sales" } }
  }
}
