#!/bin/sh
# Turns the installed packages into the image: what runs at boot, the login environment, and nothing left of the build.
# Called by the recipe runner in mmdebstrap's user namespace after files/ and the npm binaries are in place:
# customize.sh ROOT. No unit is masked: what does not run at boot can still be started and enabled as on any Debian.
set -eu
root=$1
units=$root/etc/systemd/system

# A wants entry pointing to /dev/null in /etc takes back one from /usr/lib: the unit stays whole, only boot leaves it out.
not_wanted() { # TARGET UNIT...
  target=$1; shift
  mkdir -p "$units/$target.wants"
  for unit in "$@"; do ln -sf /dev/null "$units/$target.wants/$unit"; done
}

# --- services -------------------------------------------------------------------------------------------------------
chroot "$root" systemctl set-default multi-user.target
# Docker starts when its socket is first used, and brings containerd along.
chroot "$root" systemctl disable docker.service containerd.service
chroot "$root" systemctl enable docker.socket
# The agent brings its own ssh.service in /run/systemd/system.
chroot "$root" systemctl disable ssh.service
# Nothing that takes dpkg's lock behind the user's back, and no file system that e2scrub could check (no LVM).
chroot "$root" systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service

# The agent has loaded the modules and set addresses, names and mounts before systemd starts.
not_wanted sysinit.target systemd-udevd.service systemd-udev-trigger.service systemd-hwdb-update.service \
  systemd-random-seed.service systemd-pstore.service systemd-boot-system-token.service systemd-repart.service \
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount \
  cryptsetup.target veritysetup.target integritysetup.target systemd-machine-id-commit.service kmod-static-nodes.service
not_wanted sockets.target systemd-udevd-kernel.socket systemd-initctl.socket
# logind and the bus start when something asks for them.
not_wanted multi-user.target systemd-logind.service dbus.service getty.target systemd-ask-password-wall.path
rm -f "$units/getty.target.wants/getty@tty1.service"

# Generators for hardware and boot loaders that a banger VM cannot have.
mkdir -p "$root/etc/systemd/system-generators"
for name in bless-boot cryptsetup gpt-auto hibernate-resume integritysetup system-update veritysetup; do
  ln -sf /dev/null "$root/etc/systemd/system-generators/systemd-$name-generator"
done

# Without these every first boot takes /usr for freshly updated and rebuilds caches.
touch -d "@${SOURCE_DATE_EPOCH:-0}" "$root/etc/.updated" "$root/var/.updated"

# --- the shell ------------------------------------------------------------------------------------------------------
printf 'LANG=C.UTF-8\n' > "$root/etc/default/locale"
ln -sf /usr/bin/fdfind "$root/usr/local/bin/fd"

# --- nothing left of the build --------------------------------------------------------------------------------------
# The distribution's own sources, from its signed apt package, whatever mirror the packages came from.
sed -n 's/^\(deb [^#]*\) main .*/\1 main/p' "$root/usr/share/doc/apt/examples/sources.list" > "$root/etc/apt/sources.list"
grep -q . "$root/etc/apt/sources.list"
rm -rf "$root/etc/apt/sources.list.d" "$root/etc/apt/auth.conf" "$root/etc/apt/auth.conf.d"
mkdir -p "$root/etc/apt/sources.list.d" "$root/etc/apt/auth.conf.d"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
# Identity comes from the agent.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/hosts" "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
rm -rf "$root/var/log/journal" "$root/root/.cache"
