import { expect, test } from "vitest";
import { parseSuperblocks, serversNamed } from "./superblocks.js";

const VOLUMES = `NV SERVER   PORT DEV          FSID                              FSC
v4 0a5317c9  801 0:35         e697f215ab6c4989:96ee5077f32bb3c3 no 
v3 0a5317ca  801 0:40         e697f215ab6c4989:0 no 
`;
const SERVERS = `NV SERVER   PORT USE HOSTNAME
v4 0a5317c9  801   1 10.83.23.201
v3 0a5317ca  801   1 filer
`;

test("the kernel's tables of servers and file systems belong together", () => {
  expect(parseSuperblocks(VOLUMES)).toEqual([
    { device: "0:35", server: "0a5317c9:801" },
    { device: "0:40", server: "0a5317ca:801" },
  ]);
  expect(serversNamed(SERVERS, "filer")).toEqual(["0a5317ca:801"]);
  expect(serversNamed(SERVERS, "other")).toEqual([]);
});
