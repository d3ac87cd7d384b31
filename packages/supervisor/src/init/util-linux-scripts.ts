/**
 * Shell programs for machines without the native init. Small, POSIX, and each of them in the place of one thing that
 * the native init does; what they cannot do is said where they are used.
 */

/**
 * PID 1 of the tree. Reads commands from descriptor 3 as the native init does, but raw, and answers in the same words.
 * The application runs in the foreground of the shell, because a background one would ignore SIGINT and SIGQUIT; a
 * subshell answers deadlines meanwhile.
 */
export const TREE_SCRIPT = `
answer_deadlines() {
  while read -r verb rest <&3; do
    if [ "$verb" = deadline ]; then echo "alive $rest" >&3; fi
  done
}
take_claim() {
  if [ -L "$1" ] || [ ! -f "$1" ]; then echo "claim error 2 no%20claim%20file" >&3; return; fi
  if ! command exec 9<>"$1"; then echo "claim error 13 cannot%20be%20opened" >&3; return; fi
  if flock -n 9; then echo "claim ok" >&3; else exec 9>&-; echo "claim held" >&3; fi
}
echo ready >&3
while read -r verb rest <&3; do
  case $verb in
    deadline) echo "alive $rest" >&3 ;;
    env) export "$rest" ;;
    claim) take_claim "$rest" ;;
    unclaim) exec 9>&- ;;
    start)
      answer_deadlines &
      sh -c 'echo "started $$" >&3; exec "$@" 3>&-' sh "$@"
      echo "exit code $?" >&3
      exit 0 ;;
  esac
done
`;

/** In place of \`holdfast-init volume-read PATH\`. */
export const READ_SCRIPT = `
export LC_ALL=C
record() {
  if [ -L "$1" ] || [ ! -f "$1" ]; then printf null; return; fi
  printf '"%s"' "$(head -c 65536 "$1" | tr '\\n\\r\\t' '   ' | sed 's/\\\\/\\\\\\\\/g; s/"/\\\\"/g')"
}
if [ ! -d "$1" ]; then
  if [ -e "$1" ]; then echo '{"type":"other","errno":"ENOTDIR"}'; else echo '{"type":"missing","errno":"ENOENT"}'; fi
  exit 0
fi
cd -P -- "$1" || { echo '{"type":"other","errno":"EACCES","error":"cannot be entered"}'; exit 0; }
claim=missing
if [ -f .holdfast/claim ] && [ ! -L .holdfast/claim ]; then claim=present; fi
empty=true
if ls -A . | grep -qvx -e .holdfast -e lost+found; then empty=false; fi
printf '{"type":"directory","dev":"%s","parentDev":"%s","ino":"%s","real":"%s",' \\
  "$(stat -c %d .)" "$(stat -c %d ..)" "$(stat -c %i .)" "$(pwd -P | sed 's/\\\\/\\\\\\\\/g; s/"/\\\\"/g')"
printf '"volume":%s,"epoch":%s,"claim":"%s","empty":%s}\\n' \\
  "$(record .holdfast/volume.json)" "$(record .holdfast/epoch.json)" "$claim" "$empty"
`;

/** In place of \`holdfast-init volume-write PATH [EPOCH-JSON]\`. */
export const WRITE_SCRIPT = `
export LC_ALL=C
failed() {
  case $2 in
    *"Read-only file system"*) errno=EROFS ;;
    *"No space left"*) errno=ENOSPC ;;
    *"quota exceeded"*) errno=EDQUOT ;;
    *"No such file"*) errno=ENOENT ;;
    *) errno=EIO ;;
  esac
  printf '{"ok":false,"step":"%s","errno":"%s","message":"%s"}\\n' "$1" "$errno" "$(printf %s "$2" | tr '\\n"\\\\' '   ')"
  exit 0
}
if [ -L "$1/.holdfast" ]; then failed open "a symbolic link"; fi
error=$(cd -P -- "$1/.holdfast" 2>&1) || failed open "No such file: $error"
cd -P -- "$1/.holdfast" || exit 1
error=$(dd if=/dev/urandom of=probe bs=4096 count=1 conv=fsync oflag=nofollow 2>&1) || failed write "$error"
error=$(dd if=probe of=/dev/null bs=4096 iflag=nofollow 2>&1) || failed read "$error"
if [ $# -gt 1 ]; then
  error=$(printf %s "$2" 2>&1 >epoch.json.tmp) || failed write "$error"
  error=$(sync epoch.json.tmp 2>&1) || failed fsync "$error"
  error=$(mv -T epoch.json.tmp epoch.json 2>&1) || failed rename "$error"
  error=$(sync . 2>&1) || failed fsync "$error"
fi
echo '{"ok":true,"probeUs":0}'
`;
