/*
 * What runs on the file server: POSIX sh with flock, sha256sum, stat and exportfs, given to `sh -c` in one call, so that a
 * broken connection leaves either nothing or something that the same call completes. Arguments are words, never code.
 */

/** Exit codes of the scripts beside 0. */
export const SCRIPT_EXIT = { CHANGED: 74, LOCKED: 75, NOT_RUNNING: 76, NOT_RELOADED: 77 } as const;

const LOCKED_REPLACE = `set -eu
file=$1 expected=$2; shift 2
mkdir -p "\${file%/*}"
exec 9>>"$file.lock"
flock -w 5 9 || exit ${SCRIPT_EXIT.LOCKED}
now=absent
[ ! -e "$file" ] || now=$(sha256sum < "$file" | cut -c1-64)
[ "$now" = "$expected" ] || exit ${SCRIPT_EXIT.CHANGED}
`;

const WRITE = `cat > "$file.new"
sync "$file.new"
mv "$file.new" "$file"
sync "\${file%/*}"
`;

/** `dev`: the file system as nfsd and /proc/locks name it, \`fe:00:\`. */
const DEVICE = `dev=none
[ ! -d "$dir" ] || dev=$(printf '%02x:%02x:' $(stat -c '%Hd %Ld' "$dir"))
`;

const CLAIM_LOCKS = `echo '@@ locks'
[ ! -e "$dir/.holdfast/claim" ] || grep -F " $dev$(stat -c %i "$dir/.holdfast/claim") " /proc/locks || true
`;

const SHOW_FILE = `echo '@@ token'
if [ -e "$file" ]; then sha256sum < "$file" | cut -c1-64; else echo absent; fi
echo '@@ directory'
[ ! -d "$dir" ] || echo present
echo '@@ file'
[ ! -e "$file" ] || cat "$file"
`;

const SHOW_CLIENTS = `echo '@@ exports'
exportfs -s
echo '@@ clients'
for c in /proc/fs/nfsd/clients/*/; do
  [ -e "$c/info" ] || continue
  n=$(grep -cF "superblock: \\"$dev" "$c/states" || true)
  echo "$(sed -n 's/^address: "\\(.*\\)"/\\1/p' "$c/info") $n"
done
`;

/** FILE DIRECTORY */
export const KERNEL_READ = `set -eu
file=$1 dir=$2
${SHOW_FILE}${DEVICE}${SHOW_CLIENTS}${CLAIM_LOCKS}`;

/**
 * FILE EXPECTED PATH DIRECTORY OPTIONS OUT IN EXPIRE, new content on stdin. The file is for the next start of the
 * server, exportfs for the present one. A client whose export is gone cannot give its locks back, so the server ends its
 * state; \`expire\` waits for the requests that it is just serving.
 */
export const KERNEL_APPLY = `${LOCKED_REPLACE}path=$1 dir=$2 options=$3 out=$4 in=$5 expire=$6
${WRITE}for c in $out; do
  exportfs -u "$c:$path" || true
done
for c in $in; do
  exportfs -i -o "$options" "$c:$path"
done
${DEVICE}for a in $expire; do
  for c in /proc/fs/nfsd/clients/*/; do
    [ -e "$c/info" ] || continue
    grep -qF "address: \\"$a:" "$c/info" || continue
    grep -qF "superblock: \\"$dev" "$c/states" || continue
    echo expire > "$c/ctl"
  done
done
${SHOW_CLIENTS}${CLAIM_LOCKS}`;

/** PATH DIRECTORY */
export const KERNEL_INSPECT = `set -eu
dir=$2
for name in nfsv4leasetime nfsv4gracetime; do
  echo "@@ $name"
  cat /proc/fs/nfsd/$name
done
${DEVICE}${SHOW_CLIENTS}`;

/** FILE DIRECTORY */
export const GANESHA_READ = `set -eu
file=$1 dir=$2
${SHOW_FILE}${DEVICE}${CLAIM_LOCKS}`;

/** FILE EXPECTED DIRECTORY PIDFILE LOGFILE, new content on stdin. */
export const GANESHA_APPLY = `${LOCKED_REPLACE}dir=$1 pid=$(cat "$2" 2>/dev/null || echo none) log=$3
${WRITE}[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = ganesha.nfsd ] || exit ${SCRIPT_EXIT.NOT_RUNNING}
from=$(($(wc -c < "$log") + 1))
kill -HUP "$pid"
i=0
until tail -c "+$from" "$log" | grep -q 'Reread exports complete'; do
  i=$((i + 1))
  [ "$i" -lt 100 ] || { tail -c "+$from" "$log" >&2; exit ${SCRIPT_EXIT.NOT_RELOADED}; }
  sleep 0.1
done
echo '@@ log'
tail -c "+$from" "$log"
${DEVICE}${CLAIM_LOCKS}`;

/** FILE PIDFILE: the configuration with what it includes, as far as the lease goes. */
export const GANESHA_INSPECT = `set -eu
file=$1 pid=$(cat "$2" 2>/dev/null || echo none)
conf=/etc/ganesha/ganesha.conf
[ ! -e "/proc/$pid/cmdline" ] || conf=$(tr '\\0' '\\n' < "/proc/$pid/cmdline" | sed -n '/^-f$/{n;p}' | grep . || echo "$conf")
echo '@@ included'
grep -F "$file" "$conf" || true
echo '@@ configuration'
cat "$conf"
`;
