#!/usr/bin/env bash
# The main job, once, for everyone to see: apply the quickstart, use it, plan again, let something drift, repair,
# destroy, look what is left. Uses the engine at DOCKER_HOST when it answers, else the bundled one, which cleat starts by
# itself where there is no Docker; it exists for the length of this script, in a network of its own. Exits 0 only when
# every step did what it says. CLEAT_DEMO_ENGINE=dockerd (or podman) takes a private one of those instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

reachable() { # does the engine at DOCKER_HOST answer?
	case ${DOCKER_HOST:-} in
	"") return 1 ;;
	unix://*) curl -fsS --max-time 5 --unix-socket "${DOCKER_HOST#unix://}" http://engine/_ping >/dev/null 2>&1 ;;
	tcp://*) curl -fsS --max-time 5 "http://${DOCKER_HOST#tcp://}/_ping" >/dev/null 2>&1 ;;
	*) return 1 ;;
	esac
}

if [ -z "${CLEAT_DEMO_PRIVATE:-}" ] && ! reachable; then
	if [ -n "${DOCKER_HOST:-}" ]; then
		echo "demo: nothing answers at DOCKER_HOST=$DOCKER_HOST; taking a private engine instead"
	fi
	unset DOCKER_HOST
	go build -o bin/engines ./internal/acctest/cmd/engines
	CLEAT_DEMO_PRIVATE=1 exec bin/engines -engine "${CLEAT_DEMO_ENGINE:-}" "$0" "$@"
fi

cleat=$PWD/bin/cleat
stack=$PWD/examples/stacks/quickstart
port=${CLEAT_DEMO_PORT:-8080}
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

engine() { # METHOD PATH: one call to the engine's API
	case $DOCKER_HOST in
	unix://*) curl -fsS --max-time 60 -X "$1" --unix-socket "${DOCKER_HOST#unix://}" "http://engine$2" "${@:3}" ;;
	tcp://*) curl -fsS --max-time 60 -X "$1" "http://${DOCKER_HOST#tcp://}$2" "${@:3}" ;;
	esac
}
title() { printf '\n%s── %s %s\n' "$bold" "$1" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
fail() { echo "demo: $*" >&2; exit 1; }
on_stack() { # a cleat command, as a person would type it
	show cleat -chdir=examples/stacks/quickstart "$@"
	${unnamed[@]+"${unnamed[@]}"} "$cleat" -chdir="$stack" "$@"
}
variables=(-var "port=$port" -var "base_image=$(printf %s "${CLEAT_DEMO_IMAGE:-busybox:1}")")
# What the quickstart may leave: anything with its name, and the bookkeeping of its project.
remains() {
	{
		engine GET '/containers/json?all=1' | jq -r '.[] | .Names[]'
		engine GET /networks | jq -r '.[].Name'
		engine GET /volumes | jq -r '(.Volumes // [])[].Name'
		engine GET /images/json | jq -r '.[] | (.RepoTags // [])[]'
	} | grep -E 'cleat-(quickstart|ledger|lock)' | sort -u || true
}

tidy() { # leave the engine as it was found, and take away the bundled one
	local code=$?
	trap - EXIT
	if [ $code -ne 0 ] && [ -n "$(remains)" ]; then
		echo "demo: failed; destroying what was made" >&2
		"$cleat" -chdir="$stack" destroy -auto-approve -no-color "${variables[@]}" >&2 || true
	fi
	if [ -n "${CLEAT_ENGINE_DIR:-}" ]; then
		[ $code -eq 0 ] || "$cleat" engine logs -n 20 >&2 || true
		"$cleat" engine stop >/dev/null || code=1
		rm -rf "$CLEAT_ENGINE_DIR" || code=1
	fi
	exit $code
}

unnamed=()
if [ -z "${DOCKER_HOST:-}" ]; then
	CLEAT_ENGINE_DIR=$(mktemp -d /tmp/cleat-demo.XXXXXX)
	export CLEAT_ENGINE_DIR
	trap tidy EXIT
	title "No Docker here: the bundled engine"
	# cleat starts it by itself when nobody named an engine; where a Docker runs it has to be named.
	export DOCKER_HOST=unix://$CLEAT_ENGINE_DIR/run/cleat.sock
	if [ ! -S /var/run/docker.sock ]; then
		unnamed=(env -u DOCKER_HOST)
		show cleat -chdir=examples/stacks/quickstart show
		"${unnamed[@]}" "$cleat" -chdir="$stack" show "${variables[@]}"
	else
		show cleat engine start
		"$cleat" engine start
	fi
fi

[ -z "$(remains)" ] || fail "there is something of a quickstart already on this engine: $(remains | tr '\n' ' ')"
trap tidy EXIT

title "The engine"
engine GET /version | jq -r '"\(.Platform.Name // "engine") \(.Version), API \(.ApiVersion), at '"$DOCKER_HOST"'"'

if ! engine GET "/images/${CLEAT_DEMO_IMAGE:-busybox:1}/json" >/dev/null 2>&1; then
	# Not there and perhaps no registry in reach: make one of the machine's static busybox.
	if command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; then
		root=$(mktemp -d)
		mkdir -p "$root"/{bin,tmp,www,etc}
		cp "$(command -v busybox)" "$root/bin/busybox"
		for applet in sh httpd date sleep cat ls echo wget; do ln -s busybox "$root/bin/$applet"; done
		tar -C "$root" -c . | engine POST "/images/create?fromSrc=-&repo=busybox&tag=1" -H 'Content-Type: application/x-tar' --data-binary @- >/dev/null
		rm -rf "$root"
		echo "busybox:1 made from $(command -v busybox)"
	fi
fi

title "Apply"
on_stack apply -auto-approve "${variables[@]}"

title "It runs"
show curl "http://127.0.0.1:$port/"
# The server was started a moment ago; the clock writes its first line within a second.
page=$(curl -fsS --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/") || fail "no answer at port $port"
echo "$page"
[ "$page" = "$(cat "$stack/web/index.html")" ] || fail "that is not the page of examples/stacks/quickstart/web"
show curl "http://127.0.0.1:$port/data/now.txt"
curl -fsS --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$port/data/now.txt" || fail "the volume is not shared"

title "Plan again: nothing to do"
on_stack plan -detailed-exitcode "${variables[@]}" || fail "the plan after apply is not empty (exit $?)"

title "Somebody stops the web server and takes the clock off its network"
show docker stop cleat-quickstart-web
engine POST "/containers/cleat-quickstart-web/stop?t=1" >/dev/null
show docker network disconnect cleat-quickstart cleat-quickstart-clock
engine POST /networks/cleat-quickstart/disconnect -H 'Content-Type: application/json' -d '{"Container":"cleat-quickstart-clock","Force":true}' >/dev/null
code=0
on_stack plan -detailed-exitcode "${variables[@]}" || code=$?
[ $code -eq 2 ] || fail "the plan does not show the drift (exit $code, not 2)"

title "Repair"
on_stack apply -auto-approve "${variables[@]}"
curl -fsS --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/" || fail "no answer after the repair"
on_stack plan -detailed-exitcode "${variables[@]}" || fail "the plan after the repair is not empty (exit $?)"

title "Destroy"
on_stack destroy -auto-approve "${variables[@]}"
left=$(remains)
[ -z "$left" ] || fail "left behind: $left"
title "Nothing is left. Done."
