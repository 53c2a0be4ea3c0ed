#!/bin/sh
# Installs the host packages banger needs and this machine lacks, by the table in host-packages.txt.
#   scripts/deps.sh [build]      build: only what building needs
# Names what is missing first; nothing to install is silent and quick. Installs with apt, as root or through sudo; on other
# distributions it prints the list and fails.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wanted=${1:-all}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

. /etc/os-release 2>/dev/null || true
case " ${ID:-} ${ID_LIKE:-} " in
  *" debian "* | *" ubuntu "*) column=apt ;;
  *" fedora "* | *" rhel "* | *" centos "*) column=dnf ;;
  *" arch "*) column=pacman ;;
  *) column= ;;
esac

is_here() { # A name, or several with commas of which any one will do; with a slash first a file.
  for name in $(echo "$1" | tr , ' '); do
    case $name in
      /*) if [ -e "$name" ]; then return 0; fi ;;
      *) if command -v "$name" >/dev/null 2>&1; then return 0; fi ;;
    esac
  done
  return 1
}

# Names what is missing on missing_names, its packages on missing_packages.
find_missing() {
  missing_names='' missing_packages=''
  needs_pip=no
  if "$here/toolchain.sh" --lacks-pip; then needs_pip=yes; fi
  while read -r what purpose apt dnf pacman; do
    case $what in '' | '#'*) continue ;; esac
    if [ "$wanted" = build ] && [ "$purpose" = run ]; then continue; fi
    if [ "$purpose" = pip ]; then
      if [ "$needs_pip" = no ]; then continue; fi
    elif is_here "$what"; then
      continue
    fi
    case $column in apt | '') package=$apt ;; dnf) package=$dnf ;; pacman) package=$pacman ;; esac
    missing_names="$missing_names $what"
    case " $missing_packages " in *" $package "*) ;; *) missing_packages="$missing_packages $package" ;; esac
  done < "$here/host-packages.txt"
}

give_up() { # COMMAND
  echo "error: host packages are missing" >&2
  echo "  try: $1" >&2
  exit 1
}

find_missing
if [ -z "$missing_packages" ]; then exit 0; fi
echo "deps: missing here:$missing_names" >&2

case $column in
  dnf) give_up "sudo dnf install$missing_packages" ;;
  pacman) give_up "sudo pacman -S$missing_packages" ;;
  '') give_up "install these with your package manager (Debian's names):$missing_packages" ;;
esac

sudo=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then give_up "as root: apt-get install$missing_packages"; fi
  if [ -t 0 ]; then sudo=sudo; else sudo='sudo -n'; fi
  if ! $sudo true; then give_up "sudo apt-get install$missing_packages"; fi
fi
apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
echo "deps: installing with apt:$missing_packages" >&2
apt update >&2
# shellcheck disable=SC2086 # a list of packages
apt install -y --no-install-recommends $missing_packages >&2

find_missing
if [ -n "$missing_names" ]; then
  echo "error: installed, and still missing:$missing_names" >&2
  exit 1
fi
