#!/usr/bin/env bash
# Writes docs/ from the provider's own schema, examples/ and templates/. The schema comes from the real terraform and
# the provider just built, so nothing is downloaded; of actions and lists, which that terraform may be too old for, from
# the provider alone. Of design/provider-conformance.md the part from the declarations.
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./test/conformance
command -v terraform >/dev/null || { echo "generate: terraform is not installed" >&2; exit "$([ -n "${CI:-}" ] && echo 1 || echo 0)"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/terraformrc" <<RC
provider_installation {
  dev_overrides { "cleat-dev/docker" = "$PWD/bin" }
  direct {}
}
RC
cat >"$work/main.tf" <<'TF'
terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}
TF
TF_CLI_CONFIG_FILE=$work/terraformrc terraform -chdir="$work" providers schema -json >"$work/real.json" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
go run ./test/schemas >"$work/newer.json"
# The generator looks under the address that providers without a namespace have.
jq --slurpfile newer "$work/newer.json" '.provider_schemas |= with_entries(.key = "registry.terraform.io/hashicorp/docker" | .value += $newer[0])' \
	"$work/real.json" >"$work/schema.json"
go tool -modfile=tools/go.mod tfplugindocs generate --provider-name docker --rendered-provider-name Docker \
	--providers-schema "$work/schema.json" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
echo "generate: $(find docs -name '*.md' | wc -l) pages in docs/"
