import { expect, test } from "vitest";
import { parseAnswer, parseBrickStates, parseHeal, parseOptions, parseVolumeInfo } from "./xml.js";

/** Shortened output of gluster 10.3. */
const INFO = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cliOutput><opRet>0</opRet><opErrno>0</opErrno><opErrstr/>
<volInfo><volumes><volume>
  <name>v1</name><status>1</status><statusStr>Started</statusStr><brickCount>6</brickCount><distCount>2</distCount>
  <replicaCount>3</replicaCount><arbiterCount>0</arbiterCount><disperseCount>0</disperseCount><typeStr>Distributed-Replicate</typeStr>
  <bricks>${["a", "b", "c", "d", "e", "f"]
    .map(
      (host) =>
        `<brick uuid="x">${host}:/bricks/v1<name>${host}:/bricks/v1</name><hostUuid>x</hostUuid><isArbiter>0</isArbiter></brick>`,
    )
    .join("\n")}</bricks>
  <optCount>2</optCount>
  <options><option><name>auth.reject</name><value>10.0.0.4,10.0.0.5</value></option>
  <option><name>user.note</name><value>a &lt;b&gt; &amp;amp;</value></option></options>
</volume><count>1</count></volumes></volInfo></cliOutput>`;

test("reads a volume: bricks in their sets, options decoded", () => {
  const info = parseVolumeInfo(INFO, "v1");
  expect(info).toMatchObject({ status: "Started", replicas: 3, dispersed: 0 });
  expect(info?.bricks.map(({ host, set }) => `${host}${set}`)).toEqual(["a0", "b0", "c0", "d1", "e1", "f1"]);
  expect(info?.options.get("auth.reject")).toBe("10.0.0.4,10.0.0.5");
  expect(info?.options.get("user.note")).toBe("a <b> &amp;");
  expect(parseVolumeInfo(INFO, "v2")).toBeUndefined();
});

test("tells an answer from anything else", () => {
  expect(parseAnswer(INFO)).toEqual({ ok: true, problem: "" });
  expect(
    parseAnswer(
      "<cliOutput><opRet>-1</opRet><opErrno>30806</opErrno><opErrstr>Volume does not exist</opErrstr></cliOutput>",
    ),
  ).toEqual({ ok: false, problem: "Volume does not exist" });
  expect(parseAnswer("Connection failed. Please check if gluster daemon is operational.")).toBeUndefined();
});

test("reads who is connected to which brick, and leaves self-heal daemons out", () => {
  const xml = `<node><hostname>10.0.0.1</hostname><path>/bricks/v1</path><status>1</status><port>1</port>
    <clientsStatus><clientCount>2</clientCount><client><hostname>10.0.0.4:49148</hostname></client>
    <client><hostname>fd00::4:49141</hostname></client></clientsStatus></node>
    <node><hostname>10.0.0.2</hostname><path>/bricks/v1</path><status>0</status></node>
    <node><hostname>Self-heal Daemon</hostname><path>localhost</path><status>1</status></node>`;
  expect(parseBrickStates(xml)).toEqual([
    { name: "10.0.0.1:/bricks/v1", online: true, clients: ["10.0.0.4", "fd00::4"] },
    { name: "10.0.0.2:/bricks/v1", online: false, clients: [] },
  ]);
});

test("reads split-brain entries", () => {
  const xml = `<healInfo><bricks><brick hostUuid="x"><name>a:/b</name><status>Connected</status>
    <file gfid="1">/orders/ibdata1</file><file gfid="2">&lt;gfid:2&gt;</file><numberOfEntries>2</numberOfEntries></brick>
    <brick hostUuid="-"><name>b:/b</name><status>Transport endpoint is not connected</status></brick></bricks></healInfo>`;
  expect(parseHeal(xml)).toEqual([
    { brick: "a:/b", connected: true, entries: ["/orders/ibdata1", "<gfid:2>"] },
    { brick: "b:/b", connected: false, entries: [] },
  ]);
});

test("reads effective settings without their marks", () => {
  const xml = `<volGetopts><count>2</count><Opt><Option>network.ping-timeout</Option><Value>42 (DEFAULT)</Value></Opt>
    <Opt><Option>auth.reject</Option><Value>(null) (DEFAULT)</Value></Opt></volGetopts>`;
  expect([...parseOptions(xml)]).toEqual([
    ["network.ping-timeout", "42"],
    ["auth.reject", ""],
  ]);
});
