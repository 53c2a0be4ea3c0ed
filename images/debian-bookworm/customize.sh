#!/bin/sh
# Turns the installed packages into the image: what runs at boot, the login environment, and nothing left of the build.
# Called by the recipe runner in mmdebstrap's user namespace after files/ and the npm binaries are in place:
# customize.sh ROOT. No unit is masked: what boot leaves out can still be started and enabled as on any Debian.
set -eu
root=$1
etc=$root/etc/systemd/system

# Only boot forgets the unit: an entry pointing to /dev/null under /etc takes back the same entry under /usr/lib.
not_wanted() { # TARGET UNIT...
  target=$1; shift
  mkdir -p "$etc/$target.wants"
  for unit in "$@"; do ln -sf /dev/null "$etc/$target.wants/$unit"; done
}

# --- what runs at boot ---
chroot "$root" systemctl --quiet set-default multi-user.target
# Docker starts when its socket is first used, and brings containerd along.
chroot "$root" systemctl --quiet disable docker.service containerd.service
chroot "$root" systemctl --quiet enable docker.socket
# The agent brings its own ssh.service in /run/systemd/system; "sshd" stays another name for it.
chroot "$root" systemctl --quiet disable ssh.service
ln -sf /lib/systemd/system/ssh.service "$etc/sshd.service"
# Nothing that takes dpkg's lock behind the user's back; no LVM, no crash dumps in firmware, no console to log in at.
chroot "$root" systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
  systemd-pstore.service getty@tty1.service

# The agent has loaded drivers and set clock, addresses, names and mounts before systemd starts. udev starts when
# something talks to it (udevadm settle) or by hand; the nodes it would make are in tmpfiles.d/banger-dev.conf.
not_wanted sysinit.target systemd-udevd.service systemd-udev-trigger.service systemd-hwdb-update.service \
  kmod-static-nodes.service systemd-tmpfiles-setup-dev.service systemd-random-seed.service systemd-firstboot.service \
  systemd-machine-id-commit.service systemd-repart.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
  cryptsetup.target integritysetup.target veritysetup.target systemd-ask-password-console.path
not_wanted sockets.target systemd-udevd-kernel.socket systemd-initctl.socket
not_wanted local-fs.target systemd-remount-fs.service
# Login records of the boot itself, and the lock that keeps users out until it is done (its file is not made either).
not_wanted sysinit.target systemd-update-utmp.service
not_wanted multi-user.target systemd-update-utmp-runlevel.service systemd-user-sessions.service
ln -sf /dev/null "$root/etc/tmpfiles.d/systemd-nologin.conf"
# logind and the bus start when something asks for them.
not_wanted multi-user.target systemd-logind.service dbus.service getty.target systemd-ask-password-wall.path

# Kernel file systems are mounted when they are first looked at: an automount costs no process.
not_wanted sysinit.target sys-kernel-config.mount sys-fs-fuse-connections.mount
for name in dev-hugepages dev-mqueue sys-kernel-debug sys-kernel-tracing; do
  not_wanted sysinit.target "$name.mount"
  ln -sf "/etc/systemd/system/$name.automount" "$etc/sysinit.target.wants/$name.automount"
done

# system-generators/banger calls the distribution's generators when there is something to generate. The rest are for
# hardware and boot loaders that a banger VM cannot have.
not_wanted sysinit.target systemd-modules-load.service systemd-binfmt.service
for path in "$root"/usr/lib/systemd/system-generators/*; do
  ln -sf /dev/null "$root/etc/systemd/system-generators/${path##*/}"
done

# Without these every first boot takes /usr for freshly updated and rebuilds caches.
touch -d "@${SOURCE_DATE_EPOCH:-0}" "$root/etc/.updated" "$root/var/.updated"

# --- the shell ---
# Every command of banger's is a login shell's. A program that a login file starts costs as much as the shell itself: what bash
# knows by itself is not asked of id, and mesg is left to those who have a terminal.
edited() { # FILE SED-SCRIPT, which must change it
  before=$(cat "$1")
  sed -i "$2" "$1"
  [ "$before" != "$(cat "$1")" ] || { echo "E: nothing to change in $1: $2" >&2; exit 1; }
}
edited "$root/etc/profile" 's/"\$(id -u)"/"${EUID:-$(id -u)}"/'
edited "$root/root/.profile" 's/^mesg n .*/if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then mesg n 2> \/dev\/null || true; fi/'
printf 'LANG=C.UTF-8\n' > "$root/etc/default/locale"
ln -sf /usr/bin/fdfind "$root/usr/local/bin/fd"

# --- the same bytes in every build ---
# Python writes a cache when it imports, py3compile writes one of another kind for the same file; which comes last is chance.
chroot "$root" env PYTHONDONTWRITEBYTECODE=1 python3 - <<'PYTHON'
import importlib.util, pathlib, py_compile
for cache in pathlib.Path("/usr").rglob("*.pyc"):
    if cache.read_bytes()[4:8] == b"\0\0\0\0":
        source = importlib.util.source_from_cache(str(cache))
        py_compile.compile(source, str(cache), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
PYTHON

# git-lfs writes its one section in random order.
lfs=$(tail -n +2 "$root/etc/gitconfig" | LC_ALL=C sort)
printf '[filter "lfs"]\n%s\n' "$lfs" > "$root/etc/gitconfig"

# --- nothing left of the build ---
# The distribution's own sources, from its signed apt package, whatever mirror the packages came from.
sed -n 's/^\(deb [^#]*\) main .*/\1 main/p' "$root/usr/share/doc/apt/examples/sources.list" > "$root/etc/apt/sources.list"
grep -q . "$root/etc/apt/sources.list"
chmod 644 "$root/etc/apt/sources.list"
rm -rf "$root/etc/apt/sources.list.d" "$root/etc/apt/auth.conf" "$root/etc/apt/auth.conf.d"
mkdir -m 755 "$root/etc/apt/sources.list.d" "$root/etc/apt/auth.conf.d"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
# Identity comes from the agent.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/hosts" "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
rm -rf "$root/var/log/journal" "$root/root/.cache"
