#!/bin/sh
# Runs scenarios as an ordinary user although we are root: a user made for it, whose home has the build, the image that root's
# own run has, and the state. Ends with nothing of it left; after a kill -9, --clean does. A log of a failure is brought out.
# Usage: scripts/smoke-rootless.sh NAME[,NAME...] | --clean
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
user=banger-test
home=/home/$user
comment='made by smoke-rootless.sh'
logs=$root/build/smoke-rootless-logs
say() { echo "smoke-rootless: $*" >&2; }

[ "$(id -u)" = 0 ] || { say 'only root can become another user'; exit 2; }
[ -n "${1:-}" ] || { say 'which scenarios? smoke-rootless.sh NAME[,NAME...]'; exit 2; }
exists() { getent passwd $user >/dev/null; }
if exists && [ "$(getent passwd $user | cut -d: -f5,6)" != "$comment:$home" ]; then
  say "there is a user $user that was not made for this: it is left alone. If nobody needs it: userdel --remove $user"
  exit 1
fi

copy_build() {
  rm -rf $home/build $home/build.new
  cp -R "$root/build" $home/build.new
  chown -R $user: $home/build.new
  mv $home/build.new $home/build
}
# Debian's su and runuser set no XDG variables: what is tested is a bare login.
smoke() { runuser --login $user --command "$home/build/lib/node $home/build/lib/smoke.cjs --build $home/build --state $home/smoke $*"; }
end() {
  exists || return 0
  [ -d $home/build ] || copy_build
  if ! smoke --clean; then
    say "what runs as $user could not be ended: $home stays. Try again: $0 --clean"
    return 1
  fi
  remove_user
}
# A session's last processes may still be about.
remove_user() {
  left=30
  until said=$(userdel --remove $user 2>&1); do
    left=$((left - 1))
    if [ $left = 0 ]; then say "$said"; return 1; fi
    sleep 1
  done
}
finish() {
  status=$?
  trap '' INT TERM HUP
  if [ $status != 0 ] && [ -d $home/smoke/logs ]; then
    rm -rf "$logs"
    cp -R $home/smoke/logs "$logs"
    say "logs are in $logs"
  fi
  end || status=1
  exit $status
}

[ "$1" != --clean ] || { end; exit; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
exists || useradd --create-home --home-dir $home --shell /bin/sh --comment "$comment" $user
copy_build
mkdir -p $home/smoke/data
for part in images kernels; do
  [ ! -d /var/tmp/banger-smoke-0/data/$part ] || [ -e $home/smoke/data/$part ] ||
    cp -R --reflink=auto /var/tmp/banger-smoke-0/data/$part $home/smoke/data/$part
done
rm -rf $home/smoke/data/images/builds # root's own
chown -R $user: $home/smoke
# What cannot run here is skipped, as in root's own run.
smoke --scenario "$1" || [ $? = 77 ]
