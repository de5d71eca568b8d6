# What an env file sets, with one value changed.
locals {
  file = provider::docker::env_map(compact(split("\n", "MODE=test\nURL=http://a/?b=c\n")))
}

output "env" {
  value = provider::docker::env_list(merge(local.file, { MODE = "live" })) # ["MODE=live", "URL=http://a/?b=c"]
}
