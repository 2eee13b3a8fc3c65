#!/usr/bin/env bash
# Makes a guest that runs the journal's writer on a disk of its own: `guest.sh WRITER FOLDER` leaves `vmlinuz` and `initrd`.
#
# Debian's kernel comes from the package archive, busybox from this machine (busybox-static, cpio and qemu-system-x86 are
# needed). The guest takes the writer's arguments from the kernel's command line: `writer=EPOCH,SEED,QUOTA`.
set -euo pipefail
writer=$1 out=$2
modules=(crc16 crc32c_generic mbcache jbd2 ext4 virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk)

mkdir -p "$out/kernel" "$out/root"/{bin,dev,proc,sys,mnt,modules}
cd "$out"
if [[ ! -e vmlinuz ]]; then
  image=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  (cd kernel && apt-get download -qq "$image" 2>/dev/null && dpkg-deb -x "$image"_*.deb .)
  cp kernel/boot/vmlinuz-* vmlinuz
fi
for module in "${modules[@]}"; do
  find kernel/lib/modules -name "$module.ko*" -exec cp {} root/modules/ \;
done
cp "$(command -v busybox)" root/bin/busybox
cp "$writer" root/bin/writer
ldd "$writer" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "root$(dirname "$library")"
  cp -L "$library" "root$library"
done

cat > root/init <<INIT
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
for module in ${modules[*]}; do
  [ -e /modules/\$module.ko ] && /bin/busybox insmod /modules/\$module.ko
done
until [ -e /dev/vda ]; do /bin/busybox usleep 50000; done
/bin/busybox mount -t ext4 /dev/vda /mnt || echo "guest: no disk"
/bin/busybox stty -F /dev/ttyS0 raw -echo
arguments=\$(/bin/busybox sed 's/.*writer=\([0-9,]*\).*/\1/; s/,/ /g' /proc/cmdline)
echo "guest: ready"
/bin/writer /mnt/journal \$arguments > /dev/ttyS0
echo "guest: the writer ended"
/bin/busybox sleep 1000
INIT
chmod +x root/init root/bin/busybox root/bin/writer
(cd root && find . | cpio -o -H newc --quiet) | gzip -1 > initrd
