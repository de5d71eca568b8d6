#!/usr/bin/env bash
# Installs what build, tests and demo need, on Debian as root. Does nothing, quickly, when it is there.
# With "demo" it is what building and the demo on the bundled engine need: no other engine, no runtime, no iptables.
# Nothing is started and no service is left enabled: tests run engines of their own (internal/acctest).
set -euo pipefail

# program:package
needs=(
	gcc:gcc pkg-config:pkg-config /usr/include/stdio.h:libc6-dev /usr/include/seccomp.h:libseccomp-dev
	busybox:busybox-static ip:iproute2 mount:mount curl:curl jq:jq git:git
)
if [ "${1:-}" != demo ]; then
	needs+=(
		dockerd:docker.io podman:podman conmon:conmon runc:runc docker-registry:docker-registry skopeo:skopeo
		htpasswd:apache2-utils iptables:iptables /usr/sbin/sshd:openssh-server
		docker-compose:docker-compose /usr/lib/python3/dist-packages/docker/__init__.py:python3-docker node:nodejs npm:npm
		/usr/lib/podman/netavark:netavark /usr/lib/podman/aardvark-dns:aardvark-dns /usr/lib/cni/bridge:containernetworking-plugins
	)
fi

present() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null ;; esac; }

missing=()
for need in "${needs[@]}"; do
	present "${need%%:*}" || missing+=("${need#*:}")
done
# A dynamic busybox is of no use in an image that has nothing else.
if present busybox && ldd "$(command -v busybox)" >/dev/null 2>&1; then missing+=(busybox-static); fi

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
echo "setup: missing: ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "setup: they are Debian packages; install them yourself, or run this as root on Debian" >&2
	if [ -n "${CI:-}${CLEAT_REQUIRE_ENGINES:-}" ]; then exit 1; fi
	exit 0 # tests that need them say so
fi

# Packages must not start daemons: the tests' own are enough, and docker.io's would change the packet filter.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "setup: apt-get did not install ${missing[*]}" >&2
	exit 1
fi
rm -f "$log"
for need in "${needs[@]}"; do
	present "${need%%:*}" || { echo "setup: ${need#*:} is installed, but ${need%%:*} is not there" >&2; exit 1; }
done
echo "setup: installed"
