package truth_test

// swarmObjects is what a lone manager can have, with everything that can be declared of it.
const swarmObjects = `
resource "docker_secret" "a" {
  name = "{p}-<a|b>"
  data = base64encode("<one|two>")
  labels {
    label = "<x|y>"
    value = "<1|2>"
  }
}
resource "docker_secret" "kept" {
  for_each        = toset(["s1", "s2"])
  name            = "{p}-${each.key}"
  data_wo         = base64encode(each.key)
  data_wo_version = 1
}
resource "docker_secret" "version" {
  name            = "{p}-version"
  data_wo         = base64encode("x")
  data_wo_version = <1|2>
}
resource "docker_config" "a" {
  name     = "{p}-<a|b>"
  data_raw = "<one|two>"
  labels {
    label = "<x|y>"
    value = "<1|2>"
  }
}
resource "docker_config" "version" {
  name            = "{p}-version"
  data_wo         = base64encode("x")
  data_wo_version = <1|2>
}
resource "docker_config" "kept" {
  for_each = toset(["c1", "c2"])
  name     = "{p}-${each.key}"
  data     = base64encode("kept")
}
resource "docker_config" "encoded" {
  name = "{p}-encoded"
  data = base64encode("<one|two>")
}
resource "docker_network" "o" {
  for_each = toset(["o1", "o2"])
  name     = "{p}-${each.key}"
  driver   = "overlay"
}
resource "docker_service" "modes" {
  name = "{p}-modes-<a|b>"
  task_spec {
    container_spec {
      image = "busybox:1"
      args  = ["sleep", "1000"]
    }
  }
  mode {
    global = <true|false>
  }
}
resource "docker_service" "port" {
  name = "{p}-port"
  task_spec {
    container_spec {
      image = "busybox:1"
    }
  }
  mode {
    replicated {
      replicas = 0
    }
  }
  endpoint_spec {
    ports {
      publish_mode   = "<ingress|host>"
      target_port    = 80
      published_port = {port3}
    }
  }
}
resource "docker_service" "a" {
  name = "{p}"
  labels {
    label = "<x|y>"
    value = "<1|2>"
  }
  auth {
    server_address = "<a.example|b.example>"
    username       = "<me|you>"
    password       = "<one|two>"
  }
  mode {
    replicated {
      replicas = <0|1>
    }
  }
  task_spec {
    force_update = <1|2>
    container_spec {
      image             = "<busybox:1|cleat-test/http:1>"
      command           = ["<sleep|/bin/sleep>"]
      args              = ["<3600|3601>"]
      hostname          = "<h|i>"
      env               = { A = "<1|2>" }
      dir               = "<|/tmp>"
      user              = "<1000|0>"
      groups            = ["<10|11>"]
      read_only         = <true|false>
      init              = <false|true>
      isolation         = "<default|process>"
      stop_signal       = "<SIGTERM|SIGKILL>"
      stop_grace_period = "<1s|0s>"
      sysctl            = { "net.ipv4.ip_forward" = "<0|1>" }
      cap_add           = ["<CAP_NET_ADMIN|CAP_SYS_TIME>"]
      cap_drop          = ["<NET_RAW|CHOWN>"]
      labels {
        label = "<x|y>"
        value = "<1|2>"
      }
      hosts {
        host = "<db|web>"
        ip   = "192.0.2.<1|2>"
      }
      dns_config {
        nameservers = ["192.0.2.<8|9>"]
        search      = ["<a|b>.example"]
        options     = ["ndots:<1|2>"]
      }
      healthcheck {
        test         = ["CMD", "<true|echo>"]
        interval     = "<1s|2s>"
        timeout      = "<20s|30s>"
        start_period = "<1s|2s>"
        retries      = <2|3>
      }
      mounts {
        target    = "/<b|c>"
        source    = "/<etc|tmp>"
        type      = "bind"
        read_only = <true|false>
        bind_options {
          propagation = "<rprivate|private>"
        }
      }
      mounts {
        target = "/t"
        type   = "tmpfs"
        tmpfs_options {
          size_bytes = <1048576|2097152>
          mode       = <448|511>
        }
      }
      mounts {
        target = "/v"
        source = "{p}-v"
        type   = "volume"
        volume_options {
          no_copy        = <true|false>
          driver_name    = "<|local>"
          driver_options = { k = "<1|2>" }
          labels {
            label = "<x|y>"
            value = "<1|2>"
          }
        }
      }
      mounts {
        target = "/typed"
        source = "<{p}-w|/tmp>"
        type   = "<volume|bind>"
      }
      configs {
        config_id   = docker_config.kept["<c1|c2>"].id
        config_name = docker_config.kept["<c1|c2>"].name
        file_name   = "/etc/<c|d>"
        file_uid    = "<1|2>"
        file_gid    = "<1|2>"
        file_mode   = <256|292>
      }
      secrets {
        secret_id   = docker_secret.kept["<s1|s2>"].id
        secret_name = docker_secret.kept["<s1|s2>"].name
        file_name   = "<s|r>"
        file_uid    = "<1|2>"
        file_gid    = "<1|2>"
        file_mode   = <256|292>
      }
      privileges {
        se_linux_context {
          disable = <false|true>
          user    = "<u|v>"
          role    = "<r|s>"
          type    = "<t|y>"
          level   = "<l|m>"
        }
      }
    }
    resources {
      limits {
        memory_bytes = <67108864|33554432>
        nano_cpus    = <500000000|400000000>
      }
      reservation {
        memory_bytes = <4194304|8388608>
        nano_cpus    = <1000000|2000000>
      }
    }
    restart_policy {
      condition    = "<none|on-failure>"
      delay        = "<1s|2s>"
      max_attempts = <4|5>
      window       = "<1m|2m>"
    }
    placement {
      constraints  = ["node.role==<manager|worker>"]
      prefs        = ["spread=node.labels.<a|b>"]
      max_replicas = <3|4>
      platforms {
        architecture = "<amd64|x86_64>"
        os           = "<linux|windows>"
      }
    }
    networks_advanced {
      name        = docker_network.o["<o1|o2>"].name
      aliases     = ["<a|b>"]
      driver_opts = ["k=<1|2>"]
    }
    log_driver {
      name    = "<json-file|local>"
      options = { "max-size" = "<1m|2m>" }
    }
  }
  update_config {
    parallelism       = <1|2>
    delay             = "<0s|1s>"
    failure_action    = "<pause|rollback>"
    monitor           = "<1s|2s>"
    max_failure_ratio = "<0.5|0.25>"
    order             = "<stop-first|start-first>"
  }
  rollback_config {
    parallelism       = <1|2>
    delay             = "<0s|1s>"
    failure_action    = "<pause|continue>"
    monitor           = "<1s|2s>"
    max_failure_ratio = "<0.5|0.25>"
    order             = "<stop-first|start-first>"
  }
  endpoint_spec {
    mode = "<vip|dnsrr>"
    ports {
      name           = "<a|b>"
      protocol       = "<tcp|udp>"
      publish_mode   = "host"
      target_port    = <80|81>
      published_port = <{port1}|{port2}>
    }
  }
}
`
