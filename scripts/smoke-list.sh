#!/bin/sh
# Names, classes and descriptions of the smoke scenarios, read from their files: needs nothing built or installed.
# --check NAMES: exits 2 unless each of the comma-separated NAMES is a scenario.
set -eu
cd "$(dirname "$0")/../test/smoke/scenarios"
list() {
  awk -F'"' 'FNR == 1 { name = "" } /^  name: "/ { name = $2 } /^  description: "/ { about = $2 } /^  description:$/ { getline; about = $2 }
    /^  class: "/ { printf "%-28s %-8s %s\n", name, $2, about }' ./*.ts
}
[ "${1:-}" = --check ] || { list; exit 0; }
[ -n "${2:-}" ] || { echo 'error: which scenario? make smoke-one SCENARIO=name[,name...]; make smoke-list names them' >&2; exit 2; }
for name in $(printf %s "$2" | tr , ' '); do
  [ -e "./$name.ts" ] && continue
  near=$(ls | sed 's/\.ts$//' | grep -i -- "$(printf %.4s "$name")" | head -n 1 || true)
  echo "error: no scenario is called \"$name\".${near:+ Did you mean \"$near\"?} make smoke-list names them" >&2
  exit 2
done
