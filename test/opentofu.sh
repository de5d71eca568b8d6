#!/usr/bin/env bash
# Runs the acceptance tests and the parity fixtures on cleatd with OpenTofu in place of Terraform. OpenTofu is made from the Go
# proxy, which takes some minutes the first time; CI leaves it out.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${OPENTOFU:-v1.12.6}
export CLEAT_BIN=${CLEAT_BIN:-$PWD/bin} CLEAT_REQUIRE_ENGINES=1
tofu=$CLEAT_BIN/opentofu-$version
if [ ! -x "$tofu/terraform" ]; then
	source=$(go mod download -json "github.com/opentofu/opentofu@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	# In its own module: its replacements count there only.
	(cd "$source" && go build -ldflags '-X github.com/opentofu/opentofu/version.dev=no' -o "$tofu/terraform" ./cmd/tofu)
fi
go mod download
config=$(mktemp)
trap 'rm -f "$config"' EXIT
export PATH=$tofu:$PATH TF_CLI_CONFIG_FILE=$config TF_ACC_TERRAFORM_PATH=$tofu/terraform TF_ACC_PROVIDER_HOST=registry.opentofu.org
terraform version
go test -count=1 -timeout "${TESTTIMEOUT:-30m}" -run '/cleatd$' ./provider/acceptance ./test/parity
