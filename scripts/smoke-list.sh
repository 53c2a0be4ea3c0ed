#!/bin/sh
# Names, classes and descriptions of the smoke scenarios, read from their files: needs nothing built or installed.
# --check NAMES: exits 2 unless each of the comma-separated NAMES is a scenario.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../test/smoke/scenarios"
list() {
  awk -F'"' 'FNR == 1 { name = "" } /^  name: "/ { name = $2 } /^  description: "/ { about = $2 } /^  description:$/ { getline; about = $2 }
    /^  class: "/ { printf "%-28s %-8s %s\n", name, $2, about }' ./*.ts
}
[ "${1:-}" = --check ] || { list; exit 0; }
# As selectScenarios has it: empty names do not count, and the nearest is the one with the fewest letters to change.
list | NAMES=${2:-} awk '
  function distance(a, b,    i, j, n, row, before, left) {
    n = length(b)
    for (j = 0; j <= n; j++) row[j] = j
    for (i = 1; i <= length(a); i++) {
      before = row[0]; row[0] = i
      for (j = 1; j <= n; j++) {
        left = before + (substr(a, i, 1) != substr(b, j, 1)); before = row[j]
        if (before + 1 < left) left = before + 1
        if (row[j - 1] + 1 < left) left = row[j - 1] + 1
        row[j] = left
      }
    }
    return row[n]
  }
  function nearest(name,    i, found, far, least) {
    for (i = 1; i <= NR; i++) {
      far = distance(name, known[i])
      if (i > 1 && (far > least || (far == least && known[i] > found))) continue
      found = known[i]; least = far
    }
    return found
  }
  function refuse(words) { print "error: " words > "/dev/stderr"; failed = 1; exit 2 }
  { known[NR] = $1; is[$1] = 1 }
  END {
    if (failed) exit 2
    count = split(ENVIRON["NAMES"], asked, ",")
    for (k = 1; k <= count; k++) {
      name = asked[k]
      if (name == "") continue
      named = 1
      if (name in is) continue
      refuse("no scenario is called \"" name "\". Did you mean \"" nearest(name) "\"? make smoke-list names them")
    }
    if (!named) refuse("which scenario? make smoke-one SCENARIO=name[,name...]; make smoke-list names them")
  }'
