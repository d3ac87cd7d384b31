// A file system whose server takes every request and answers none but the first (FUSE_INIT): who asks it cannot be killed
// while this process lives. argv[2] is where it is mounted; says `mounted` on standard output, then `taken` for each look-up.
import { spawnSync } from "node:child_process";
import { constants, openSync, readSync, writeSync } from "node:fs";

const FUSE_LOOKUP = 1;
const fuse = openSync("/dev/fuse", constants.O_RDWR);
const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
const { status } = spawnSync("mount", ["-i", "-t", "fuse", "-o", options, "none", process.argv[2]], {
  stdio: ["ignore", "ignore", "inherit", fuse],
});
if (status !== 0) process.exit(1);
const request = Buffer.alloc(256 * 1024);
readSync(fuse, request);
// fuse_out_header (length, error, unique) and fuse_init_out (major, minor, zeroes); see linux/fuse.h.
const answer = Buffer.alloc(16 + 64);
answer.writeUInt32LE(answer.length, 0);
request.copy(answer, 8, 8, 16);
answer.writeUInt32LE(7, 16);
answer.writeUInt32LE(31, 20);
// max_write
answer.writeUInt32LE(4096, 36);
writeSync(fuse, answer);
process.stdout.write("mounted\n");
for (;;) {
  readSync(fuse, request);
  if (request.readUInt32LE(4) === FUSE_LOOKUP) process.stdout.write("taken\n");
}
