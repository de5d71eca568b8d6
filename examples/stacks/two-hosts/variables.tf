variable "base_image" {
  description = "Small image with a shell and an HTTP server, which both hosts have: any busybox."
  type        = string
  default     = "busybox:1"
}

variable "second_host" {
  description = "Address of the second host, such as ssh://deploy@edge.example.com. Without it: the first one."
  type        = string
  default     = null
}

variable "hub_address" {
  description = "Address of the first host on which the hub listens."
  type        = string
  default     = "127.0.0.1"
}

variable "port" {
  description = "Port of the first host for the hub."
  type        = number
  default     = 8120
}

variable "edges" {
  description = "Number of containers on the second host."
  type        = number
  default     = 2
}
