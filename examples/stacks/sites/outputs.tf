output "urls" {
  value = { for name, site in module.site : name => site.url }
}
