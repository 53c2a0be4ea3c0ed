#!/bin/sh
# Makes, or enters, the VM called sandbox. On a terminal it ends in a shell; without one it says what is inside.
# Interrupted, it can be run again: banger undoes what was half made.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
banger=$root/build/bin/banger
name=sandbox

# Of the JSON on standard input, called `it`, what the expression says.
pick() { # EXPRESSION
  "$root/build/lib/node" -e "const it = JSON.parse(require('fs').readFileSync(0)); console.log($1)"
}
now() { date +%s%N; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", (to - from) / 1e9 }'; }

# What is asked for JSON below starts a daemon in silence; this says that one is started.
"$banger" image list >/dev/null
# Empty when there is no such VM.
status_now() { "$banger" vm list --json | pick "it.find((vm) => vm.name === '$name')?.status ?? ''"; }
status=$(status_now)
# A VM that is made now is made from the image as the recipe is now. Built first, so that the seconds below are the VM's own.
if [ -z "$status" ]; then "$banger" image pull >/dev/null; fi
# The status of the last command typed in there is no failure of the sandbox; banger's, ssh's and Ctrl-C's own are.
enter() {
  "$banger" "$@" || case $? in
    125) exit 125 ;;
    130) exit 130 ;;
    255) exit 255 ;;
  esac
  exit 0
}
if [ -t 0 ] && [ -t 1 ]; then
  case $status in
    '') enter vm run --name $name ;;
    running | starting) ;;
    *) "$banger" vm start $name ;;
  esac
  enter vm ssh $name
fi

began=$(now)
start() { "$banger" vm start --wait ssh $name >/dev/null; }
make_it() {
  if "$banger" vm run --name $name --detach --wait ssh >/dev/null; then return; fi
  # Two at once: the other one's is as good, and `vm start` waits for it.
  case $(status_now) in creating | starting) start ;; *) return 1 ;; esac
}
case $status in
  '') make_it ;;
  running) ;;
  *) start ;;
esac
ready=$(seconds_since "$began")

"$banger" vm exec $name -- sh -c '
  . /etc/os-release
  line() { printf "  %-8s %s\n" "$1" "$2"; }
  line system "$PRETTY_NAME"
  line kernel "$(uname -r)"
  line cpus "$(nproc)"
  line memory "$(awk "/^MemTotal/ { printf \"%d MiB\", \$2 / 1024 }" /proc/meminfo)"
  line docker "$(dockerd --version)" # the client would start the daemon first
  line mise "$(mise --version 2>/dev/null | head -n 1)"
' </dev/null
if [ "$status" = running ]; then printf '  %-8s %s\n' ready 'it was running already'; else printf '  %-8s %s\n' ready "after $ready s"; fi
cat <<END

enter it:   $banger vm ssh $name
delete it:  $banger vm delete $name
END
