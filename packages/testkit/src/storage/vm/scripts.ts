/**
 * First process of the initial file system: the guest's root becomes this machine's root over 9p, read-only, under a
 * layer in memory. There is no disk image, and whatever is installed here runs there.
 */
export const INIT_SCRIPT = `#!/bin/sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev /ro /rw /new
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
while read m; do $b insmod $m; done < /order
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose root /ro || $b poweroff -f
$b mount -t tmpfs -o size=75% rw /rw; $b mkdir /rw/u /rw/w
$b mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /new
for x in proc sys dev; do $b mount --move /$x /new/$x; done
$b cp /guest-init /new/.guest-init
exec $b switch_root /new /bin/bash /.guest-init
`;

/**
 * Second stage. eth0 is on the bridge of the tests, where it is cut off; eth1 leads to the test alone and carries
 * commands, also while eth0 is cut. /tmp stays the machine's, under the layer in memory: the programs may lie there.
 */
export const GUEST_INIT_SCRIPT = `#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
arg() { sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline; }
mount -t tmpfs run /run; mkdir -p /dev/pts /dev/shm /run/lock /run/sshd
mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
nine() { mkdir -p "$2"; mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$3" "$1" "$2"; }
nine modules /lib/modules ro,cache=loose
nine share "$(arg share)" cache=none
hostname "$(arg guest)"
ip link set lo up
ip addr add "$(arg ip)/24" dev eth0; ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth1; ip link set eth1 up
echo "127.0.0.1 localhost $(arg guest)" > /etc/hosts
mount -t cgroup2 cg /sys/fs/cgroup
# Times of both kernels agree as they are set from the machine's clock; entropy comes from it too.
setsid "$(arg node)" "$(arg agent)" 10.0.2.15 7000 < /dev/null > /run/guest-agent.log 2>&1 &
# As process 1 it reaps what others leave behind.
while :; do sleep 3600; done
`;

/** Modules that the first stage needs to get at everything else. */
export const BOOT_MODULES = ["virtio_pci", "virtio_net", "virtio_blk", "9p", "9pnet_virtio", "overlay", "ext4"];
