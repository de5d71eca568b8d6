# Volumes on a host reached by SSH. What the plugin asks for is granted piece by piece.
resource "docker_plugin" "sshfs" {
  name  = "docker.io/vieux/sshfs:latest"
  alias = "sshfs"
  env   = ["DEBUG=0"]

  grant_permissions {
    name  = "network"
    value = ["host"]
  }
  grant_permissions {
    name  = "mount"
    value = ["/var/lib/docker/plugins/", ""]
  }
  grant_permissions {
    name  = "device"
    value = ["/dev/fuse"]
  }
  grant_permissions {
    name  = "capabilities"
    value = ["CAP_SYS_ADMIN"]
  }
}

resource "docker_volume" "remote" {
  name        = "remote"
  driver      = docker_plugin.sshfs.alias
  driver_opts = { sshcmd = "backup@storage.example.com:/data" }
}
