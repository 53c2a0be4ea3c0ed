#!/bin/sh
# Takes the kernel out of the same signed archive as the packages: apt, with the signatures this run has verified, downloads
# it; nothing of it is installed. Called by the recipe runner in mmdebstrap's user namespace: kernel.sh ROOT PACKAGE.
# Leaves ROOT/.banger/out/{kernel.tar,modules.tar}; README.md of the folder above names their content.
set -eu
root=$1
package=$2
work=$root/.banger/kernel
out=$root/.banger/out
mkdir -p "$work" "$out"

# mmdebstrap's own apt configuration: it points into ROOT and carries the mirror, the keyrings and the lists of this run.
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
image=$(apt-cache depends --important --no-recommends --no-suggests "$package" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p')
[ "$(printf '%s\n' "$image" | wc -w)" = 1 ] || { echo "E: $package does not name one kernel: $image" >&2; exit 1; }
# apt as root drops to _apt, which cannot write here; this run is unprivileged already.
(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$image")
unset APT_CONFIG

# From here on only the image's own tools run, on files inside the image.
chroot "$root" sh -eu -s -- "$image" <<'INNER'
image=$1
cd /.banger/kernel
umask 022
dpkg-deb -x ./*.deb tree
release=$(ls tree/lib/modules)
[ "$(printf '%s\n' "$release" | wc -w)" = 1 ] || { echo "E: $image holds not one kernel release: $release" >&2; exit 1; }

mkdir kernel
cp "tree/boot/vmlinuz-$release" kernel/vmlinuz
cp "tree/boot/config-$release" kernel/config
cp "tree/usr/share/doc/$image/copyright" kernel/copyright
printf '%s\n' "$release" > kernel/release
printf '%s\t%s\t%s\n' "$image" "$(dpkg-deb -f ./*.deb Version)" "$(dpkg-deb -f ./*.deb Architecture)" > kernel/package

# The ELF kernel is an LZ4 frame (legacy magic 02 21 4c 18) inside the bzImage; Firecracker boots nothing else. What
# follows the frame makes lz4 complain after it has written everything, so the output is judged, not the status.
for offset in $(LC_ALL=C grep -aobP '\x02\x21\x4c\x18' kernel/vmlinuz | cut -d: -f1); do
  tail -c "+$((offset + 1))" kernel/vmlinuz | lz4 -dc > kernel/vmlinux 2>/dev/null || true
  [ "$(head -c 4 kernel/vmlinux | od -An -c | tr -d ' ')" = '177ELF' ] && break
  rm -f kernel/vmlinux
done
[ -s kernel/vmlinux ] || { echo "E: no LZ4 ELF kernel inside vmlinuz of $image" >&2; exit 1; }

# The package has no modules.dep; it is made where the guest will look for it.
depmod -b tree "$release"
rm -f "tree/lib/modules/$release/build" "tree/lib/modules/$release/source"

archive="--sort=name --owner=0 --group=0 --numeric-owner --clamp-mtime --mtime=@${SOURCE_DATE_EPOCH:-0} --format=gnu"
tar $archive -C kernel -cf /.banger/out/kernel.tar .
tar $archive -C "tree/lib/modules/$release" -cf /.banger/out/modules.tar .
INNER
rm -rf "$work"
