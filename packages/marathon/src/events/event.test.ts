import { expect, test } from "vitest";
import { affectedApps, readEvent } from "./event.js";

const affected = (event: object) => affectedApps(readEvent({ event: "x", data: JSON.stringify(event) }));

test.each([
  [{ eventType: "status_update_event", appId: "/a", taskId: "a.1" }, ["/a"]],
  [{ eventType: "instance_changed_event", runSpecId: "/a", agentId: null, host: null }, ["/a"]],
  [
    { eventType: "deployment_success", id: "d", plan: { steps: [{ actions: [{ action: "Scale", app: "/a" }] }] } },
    ["/a"],
  ],
  [{ eventType: "deployment_info", plan: { steps: [{ action: "ScaleApplication", app: "/old" }] } }, ["/old"]],
  [{ eventType: "event_stream_attached", remoteAddress: "::1" }, []],
])("%j is about %j", (event, apps) => {
  expect(affected(event)).toEqual(apps);
});

test.each([
  { eventType: "group_change_success", groupId: "/" },
  { eventType: "deployment_success", id: "d" },
  { eventType: "some_future_event" },
])("%j may be about any app", (event) => {
  expect(affected(event)).toBeNull();
});

test("an event that cannot be read is told by its type and may be about any app", () => {
  const received = readEvent({ event: "status_update_event", data: "{" });
  expect(received).toEqual({ kind: "unreadable", eventType: "status_update_event" });
  expect(affectedApps(received)).toBeNull();
  expect(readEvent({ event: "x", data: '{"eventType":7}' })).toMatchObject({ kind: "unreadable" });
});
