output "url" {
  description = "Where the page is."
  value       = "http://127.0.0.1:${var.port}/"
}

output "image" {
  description = "Id of the image that was built."
  value       = docker_image.web.image_id
}

output "snapshot" {
  description = "Name of the committed image."
  value       = docker_commit.snapshot.name
}
