output "limit" {
  value = provider::docker::build_size(1610612736) # 1536m
}
