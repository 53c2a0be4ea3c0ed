#!/bin/sh
# What a root daemon needs of the host and only root can give: taps for an unprivileged user, and that user. Says what it
# changes; run again it changes nothing. As an ordinary user it does nothing: `banger doctor` says what is missing.
set -eu
if [ "$(id -u)" != 0 ]; then exit 0; fi
PATH=$PATH:/usr/sbin:/sbin
tun=/dev/net/tun
user=banger
ids=65536

say() { echo "host: $*" >&2; }

if [ ! -e $tun ]; then modprobe tun 2>/dev/null || true; fi
if [ ! -c $tun ]; then
  say "$tun is missing: guests will have no network"
elif mode=$(stat -c %a $tun) && [ "$mode" != 666 ]; then
  # 0666 is what udev gives it everywhere: a tap is made in a namespace of one's own, and opening alone gives no right there.
  if chmod 0666 $tun; then say "$tun had mode 0$mode: set to its usual 0666, so that VMs' taps need no root (until the next boot)"
  else say "$tun has mode 0$mode and cannot be changed: guests will have no network"; fi
fi

if ! getent passwd $user >/dev/null; then
  useradd --system --user-group --no-create-home --home-dir /var/lib/banger --shell /usr/sbin/nologin $user
  say "made the system user $user: a root daemon runs VMs and image builds as this user, never as root"
fi

# The first range above everybody's. usermod wants the files to exist.
free_range() { awk -F: -v n=$ids 'BEGIN { first = 100000 } $2 + $3 > first { first = $2 + $3 } END { print first "-" first + n - 1 }' /etc/subuid /etc/subgid; }
has_range() { awk -F: -v user=$user -v n=$ids '$1 == user && $3 >= n { found = 1 } END { exit !found }' "$1"; }
for file in /etc/subuid /etc/subgid; do if [ ! -e $file ]; then touch $file; fi; done
range=$(free_range)
for kind in uid gid; do
  if has_range /etc/sub$kind; then continue; fi
  usermod --add-sub${kind}s "$range" $user
  say "gave $user the subordinate ${kind}s $range: images are built in a user namespace"
done
