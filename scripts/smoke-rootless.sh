#!/bin/sh
# Runs scenarios as an ordinary user although we are root: makes the user, copies the build where it can read it, and the
# image root's own run has, and ends with nothing of it left.
# Usage: scripts/smoke-rootless.sh NAME[,NAME...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
user=banger-test
home=/home/$user

[ "$(id -u)" = 0 ] || { echo "smoke-rootless: only root can become another user" >&2; exit 2; }
getent passwd $user >/dev/null || useradd --create-home --home-dir $home --shell /bin/sh $user
uid=$(id -u $user)
state=/var/tmp/banger-smoke-$uid
# Debian's su and runuser set no XDG variables: what is tested is a bare login.
as_user() { runuser --login $user --command "$1"; }
end() {
  [ ! -x $home/build/lib/node ] || as_user "$home/build/lib/node $home/build/lib/smoke.cjs --build $home/build --clean" >/dev/null || true
  rm -rf "$state" $home/build
  userdel --remove $user 2>/dev/null || true
}
trap end EXIT INT TERM HUP

rm -rf $home/build
cp -R "$root/build" $home/build
mkdir -p "$state/data"
for part in images kernels; do
  [ ! -d /var/tmp/banger-smoke-0/data/$part ] || cp -R --reflink=auto /var/tmp/banger-smoke-0/data/$part "$state/data/$part"
done
chown -R $user: $home/build "$state"
as_user "$home/build/lib/node $home/build/lib/smoke.cjs --build $home/build --scenario $1"
