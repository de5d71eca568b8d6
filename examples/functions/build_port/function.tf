output "published" {
  value = provider::docker::build_port(80, 8080, "127.0.0.1", null) # 127.0.0.1:8080:80/tcp
}
