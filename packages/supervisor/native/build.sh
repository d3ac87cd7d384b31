#!/bin/sh
# Builds holdfast-init as one static, stripped binary.
#
#   build.sh OUTPUT [auto|musl|glibc]
#
# auto prefers musl-gcc (a tenth of the size) and falls back to gcc with a static glibc. HOLDFAST_CC names another
# compiler, such as a cross-compiler, for a kind given by name. Exit 0: built; 1: a package is missing (named) or the
# compiler failed; 64: usage.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: build.sh OUTPUT [auto|musl|glibc]" >&2
    exit 64
fi
output=$1
kind=${2:-auto}
here=$(cd "$(dirname "$0")" && pwd)

have() { command -v "$1" >/dev/null 2>&1; }
# A compiler alone is not enough: the static libc and its headers come in another package.
links() { printf '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n' | "$@" -static -x c -o /dev/null - 2>/dev/null; }

missing() {
    echo "build.sh: cannot build holdfast-init ($kind); missing Debian packages: $*" >&2
    echo "build.sh: apt-get install --no-install-recommends $*" >&2
    exit 1
}

case $kind in
auto)
    HOLDFAST_CC=
    if have musl-gcc && links musl-gcc; then kind=musl; else kind=glibc; fi
    ;;
musl | glibc) ;;
*)
    echo "build.sh: unknown kind '$kind': auto, musl or glibc" >&2
    exit 64
    ;;
esac

if [ "$kind" = musl ]; then
    compiler=${HOLDFAST_CC:-musl-gcc}
    have "$compiler" || { if have gcc; then missing musl-tools; else missing gcc musl-tools; fi; }
    links "$compiler" || { if have gcc; then missing musl-dev; else missing gcc musl-dev; fi; }
else
    compiler=${HOLDFAST_CC:-gcc}
    # musl-tools would do as well, and is preferred when there; gcc with libc6-dev is what most machines have.
    have "$compiler" || missing gcc libc6-dev
    links "$compiler" || missing libc6-dev
fi

mkdir -p "$(dirname "$output")"
# Built beside the target and renamed: a running holdfast-init keeps its file, and nobody executes half of one.
temporary=$output.$$.tmp
trap 'rm -f "$temporary"' EXIT
"$compiler" -std=c11 -D_GNU_SOURCE "-DHOLDFAST_LIBC=\"$kind\"" -Os -Wall -Wextra -Werror \
    -ffunction-sections -fdata-sections -Wl,--gc-sections -static -s -o "$temporary" \
    "$here"/*.c
chmod 755 "$temporary"
mv "$temporary" "$output"
echo "$output: $(wc -c <"$output") bytes, static $kind"
