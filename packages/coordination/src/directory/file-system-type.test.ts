import { expect, test } from "vitest";
import { judgeFileSystem } from "./file-system-type.js";

test.each([
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0x65735546, "fuse"],
  [0x00c36400, "ceph"],
  [0x0bd00bd0, "lustre"],
  [0x01021997, "9p"],
  [0x12345678, "type 0x12345678"],
])("refuses 0x%s by name", (type, name) => {
  expect(() => judgeFileSystem("/srv/store", type)).toThrow(
    expect.objectContaining({ code: "STORE_UNSUITABLE", message: expect.stringContaining(name) }),
  );
});

test("accepts local ones, also where the type comes sign-extended", () => {
  expect(judgeFileSystem("/srv/store", 0xef53)).toEqual({ name: "ext2/3/4", volatile: null });
  expect(judgeFileSystem("/srv/store", 0x9123683e | 0)).toEqual({ name: "btrfs", volatile: null });
  expect(judgeFileSystem("/srv/store", 0x01021994).volatile).toContain("reboot");
  expect(judgeFileSystem("/srv/store", 0x794c7630).volatile).toContain("container");
});
