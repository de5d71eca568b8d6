package truth_test

// world is what the objects are about: containers, volumes and images that stay as they are. Two containers are paused
// by commits, two by snapshots, and commands run in two others.
const world = `
resource "docker_container" "c" {
  for_each              = toset(["c1", "c2", "c3", "c4", "c5", "c6"])
  name                  = "{p}-${each.key}"
  image                 = "busybox:1"
  command               = ["sleep", "1000"]
  destroy_grace_seconds = 0
}
resource "docker_volume" "w" {
  for_each = toset(["w1", "w2", "w3"])
  name     = "{p}-${each.key}"
}
`

// objects is one object or two of each type, with everything that can be declared on engines that manage no swarm. What is
// missing has a reason in test/conformance.
const objects = `
resource "docker_volume" "a" {
  name        = "{p}-<a|b>"
  driver_opts = { type = "tmpfs", device = "tmpfs", o = "<nodev|noexec>" }
  labels {
    label = "<x|y>"
    value = "<1|2>"
  }
}
resource "docker_network" "a" {
  name         = "{p}-<a|b>"
  internal     = <false|true>
  @dockerd,cleatd attachable = <false|true>
  options      = { "com.docker.network.driver.mtu" = "<1400|1450>" }
  @dockerd,cleatd ipam_options = { k = "<1|2>" }
  ipam_config {
    subnet   = "<{subnet1}|{subnet2}>"
    ip_range = "<{host1}.64/26|{host2}.128/26>"
    gateway  = "<{host1}.2|{host2}.3>"
    @dockerd,cleatd aux_address = { host = "<{host1}.5|{host2}.6>" }
  }
  labels {
    label = "<x|y>"
    value = "<1|2>"
  }
}
resource "docker_network" "six" {
  name = "{p}-six"
  ipv6 = <false|true>
  ipam_config { subnet = "<{subnet3}|fd00:77:{n}::/64>" }
}
resource "docker_image" "a" {
  name          = "localhost/{p}-<a|b>:1"
  keep_locally  = <true|false>
  force_remove  = <true|false>
  pull_triggers = ["<1|2>"]
  triggers      = { n = "<1|2>" }
  platform      = "<linux/amd64|>"
  build {
` + builds + `
  }
  timeouts {
    create = "<5m|6m>"
    update = "<5m|6m>"
    delete = "<5m|6m>"
  }
}
resource "docker_tag" "a" {
  source_image = "<busybox:1|cleat-test/http:1>"
  target_image = "localhost/{p}-tag:<a|b>"
  tag_triggers = ["<1|2>"]
}
resource "docker_tag" "pushed" {
  for_each     = toset(["a", "b"])
  source_image = "busybox:1"
  target_image = "{registry}/{p}:${each.key}"
}
resource "docker_registry_image" "a" {
  name                 = docker_tag.pushed["<a|b>"].target_image
  insecure_skip_verify = <true|false>
  keep_remotely        = <true|false>
  triggers             = { n = "<1|2>" }
  auth_config {
    address  = "{registry}<|/>"
    username = "<me|you>"
    password = "<one|two>"
  }
  timeouts {
    create = "<5m|6m>"
    update = "<5m|6m>"
    delete = "<5m|6m>"
  }
}
resource "docker_registry_image" "built" {
  name = "{registry}/{p}-built:1"
  build {
` + builds + `
  }
}
resource "docker_commit" "a" {
  container    = docker_container.c["<c1|c2>"].id
  repository   = "localhost/{p}-commit-<a|b>"
  tag          = "<1|2>"
  author       = "<me|you>"
  message      = "<one|two>"
  changes      = ["ENV A=<1|2>"]
  triggers     = { n = "<1|2>" }
  pause        = <true|false>
  keep_locally = <true|false>
  force_remove = <true|false>
}
resource "docker_container_snapshot" "a" {
  container       = docker_container.c["<c3|c4>"].id
  repository      = "localhost/{p}-snap-<a|b>"
  author          = "<me|you>"
  message         = "<one|two>"
  triggers        = { n = "<1|2>" }
  keep            = <1|2>
  keep_on_destroy = <true|false>
  pause           = <true|false>
}
resource "docker_container_file" "a" {
  container       = docker_container.c["<c5|c6>"].id
  path            = "/tmp/a-<a|b>"
  content         = "<one|two>"
  permissions     = "<0600|0640>"
  uid             = <7|8>
  gid             = <7|8>
  keep_on_destroy = <true|false>
}
resource "docker_container_file" "binary" {
  container      = docker_container.c["c5"].id
  path           = "/tmp/binary"
  content_base64 = "<AAE=|AAI=>"
}
resource "docker_container_file" "source" {
  container = docker_container.c["c5"].id
  path      = "/tmp/source"
  source    = "{dir}/<first|second>"
}
resource "docker_volume_content" "a" {
  volume          = docker_volume.w["<w1|w2>"].name
  source          = "{dir}/<first|second>"
  permissions     = "<0600|0640>"
  uid             = <7|8>
  gid             = <7|8>
  helper_image    = "<busybox:1|cleat-test/http:1>"
  prune           = <true|false>
  detect_drift    = <true|false>
  keep_on_destroy = <true|false>
}
resource "docker_volume_content" "archive" {
  volume  = docker_volume.w["w3"].name
  archive = "{dir}/<first|second>.tar"
}
resource "docker_network_attachment" "a" {
  container    = docker_container.c["<c5|c6>"].name
  network      = "<{net1}|{net2}>"
  aliases      = ["<a|b>"]
  ipv4_address = "<{ip7}.77|{ip8}.78>"
  ipv6_address = "<{six7}:77|{six8}:78>"
  @dockerd,cleatd driver_opts = ["k=<1|2>"]
  @cleatd mac_address = "02:00:00:00:07:0<1|2>"
  @cleatd link_local_ips = ["169.254.7.<1|2>"]
}
resource "docker_exec" "a" {
  container         = docker_container.c["<c5|c6>"].id
  command           = ["echo", "<one|two>"]
  stdin             = "<a|b>"
  env               = ["A=<1|2>"]
  user              = "<7|8>"
  working_dir       = "<|/tmp>"
  @podman,cleatd privileged        = <false|true>
  sensitive_output  = <false|true>
  destroy_command   = ["true", "<1|2>"]
  timeout           = <20|30>
  expect_exit_codes = [0, <1|2>]
  triggers          = { n = "<1|2>" }
}
resource "docker_exec" "terminal" {
  container = docker_container.c["c5"].id
  command   = ["true"]
  tty       = <false|true>
}
`

// builds is all of a build that the classic builder of every engine takes and that needs no second machine.
const builds = `
    context            = "{dir}/<one|two>"
    dockerfile         = "<Dockerfile|Other>"
    target             = "<|other>"
    tag                = ["localhost/{p}-also:<1|2>"]
    label              = { a = "<1|2>" }
    labels             = { b = "<1|2>" }
    build_args         = { A = "<1|2>" }
    build_id           = "<a|b>"
    build_log_file     = "{dir}/<1|2>.log"
    cache_from         = ["<busybox:1|cleat-test/http:1>"]
    cgroup_parent      = "<|/x>"
    cpu_period         = <100000|50000>
    cpu_quota          = <50000|25000>
    cpu_set_cpus       = "<0|0-1>"
    cpu_set_mems       = "<|0>"
    cpu_shares         = <512|256>
    extra_hosts        = ["a:192.0.2.<1|2>"]
    force_remove       = <false|true>
    memory             = <134217728|268435456>
    memory_swap        = <268435456|536870912>
    network_mode       = "<|host>"
    no_cache           = <false|true>
    platform           = "<|linux/amd64>"
    @dockerd,cleatd remove = <true|false>
    @podman security_opt = ["<label=disable|seccomp=unconfined>"]
    shm_size           = <67108864|33554432>
    suppress_output    = <false|true>
    use_legacy_builder = <false|true>
    version            = "<|1>"
    auth_config {
      host_name      = "<a.example|b.example>"
      user_name      = "<me|you>"
      password       = "<one|two>"
      email          = "<a@example|b@example>"
      auth           = "<x|y>"
      server_address = "<https://a.example|https://b.example>"
      identity_token = "<x|y>"
      registry_token = "<x|y>"
    }
    ulimit {
      name = "<nofile|core>"
      soft = <100|150>
      hard = <200|250>
    }
`
