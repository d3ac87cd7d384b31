import { describe, expect, test } from "vitest";
import { contracts, published } from "./contract.fixture.js";
import { appDefinitionSchema } from "./definition/app.js";
import { errorOf } from "./errors.js";
import { readEvent } from "./events/event.js";
import { createSseParser } from "./events/sse.js";
import { withoutNulls } from "./nulls.js";
import {
  appListSchema,
  deploymentListSchema,
  deploymentResultSchema,
  infoSchema,
  killResultSchema,
  leaderSchema,
  queueSchema,
  taskListSchema,
  taskSchema,
  versionListSchema,
} from "./schemas.js";

// Against what Marathon's project published; nothing of it is copied here.
describe("the published contract", () => {
  const examples = "marathon/api/v2/examples";

  test.for([
    ["app_list.json", appListSchema],
    ["app_tasks.json", taskListSchema],
    ["tasks.json", taskListSchema],
    ["tasks.json", killResultSchema],
    ["app_task.json", killResultSchema],
    ["deployments.json", deploymentListSchema],
    ["deployments_result.json", deploymentResultSchema],
    ["deployments_result.json", killResultSchema],
    ["info.json", infoSchema],
    ["queue.json", queueSchema],
  ] as const)("its example %s is read", ([name, schema], { skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const result = schema.safeParse(withoutNulls(published().json(`${examples}/${name}`)));
    expect(result.error?.issues ?? []).toEqual([]);
  });

  test("its leader is read", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    expect(leaderSchema.parse(published().json("marathon/extracted/leader.json")).leader).not.toBe("");
  });

  test("its resident task is a task but for what Marathon 1.10 always sends", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const sample = published().json("marathon/extracted/resident-task.json") as object;
    expect(taskSchema.parse({ state: "TASK_RUNNING", ...sample }).localVolumes).toHaveLength(1);
  });

  test("each of its error bodies gets a code, and none is taken for another kind of failure", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const samples = published().json("marathon/extracted/inline-response-examples.json") as {
      file: string;
      path: string;
      status: number;
      body: unknown;
    }[];
    const codes = samples
      .filter(({ status }) => status >= 400)
      .map(({ file, path, status, body }) => {
        const answer = { status, text: JSON.stringify(body), url: new URL("http://m1") };
        return `${status} ${file} ${path}: ${errorOf(answer, { what: "x", effect: "write" }).code}`;
      });
    expect(codes).toMatchSnapshot();
  });

  test("its list of versions is read", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const samples = published().json("marathon/extracted/inline-response-examples.json") as {
      path: string;
      body: unknown;
    }[];
    const sample = samples.find(({ path }) => path.endsWith("/versions get 200") && path.includes("app_id"));
    expect(versionListSchema.parse(sample?.body).versions).toHaveLength(1);
  });

  test("its event stream is read, with LF and with CRLF", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const text = published().text(`${examples}/events.txt`);
    for (const stream of [text, text.replaceAll("\n", "\r\n")]) {
      const events = createSseParser().push(Buffer.from(stream)).map(readEvent);
      expect(events.map((event) => event.kind)).toEqual(["event", "event", "event"]);
    }
  });

  test("each of its event samples is read", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const samples = published().json("marathon/extracted/event-bus-samples.json") as object[];
    for (const sample of samples) {
      const received = readEvent({ event: "x", data: JSON.stringify(sample) });
      expect(received).toEqual({ kind: "event", event: withoutNulls(sample) });
    }
  });

  test("its app definitions are accepted, but for those with fields that Marathon never returns", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const at = published();
    const single = at.files("marathon/system-test-apps").map((path) => [path, at.json(path)] as const);
    const many = ["persistent-volume-apps", "external-volume-apps"].flatMap((name) =>
      Object.entries(at.json(`marathon/extracted/${name}.json`) as object).map(
        ([n, app]) => [`${name} ${n}`, app] as const,
      ),
    );
    const found = [...single, ...many].map(([name, app]) => {
      expect(at.problems(app), name).toEqual([]);
      const result = appDefinitionSchema.safeParse(app);
      const issues = result.error?.issues ?? [];
      return `${name}: ${issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; ") || "accepted"}`;
    });
    expect(found).toMatchSnapshot();
  });

  const base = { id: "/db/x", cmd: "sleep 1" };
  const persistent = (volume: object) => ({ ...base, container: { type: "MESOS", volumes: [volume] } });
  const REFUSED = {
    "an unknown field": { ...base, unreachableStratgy: "disabled" },
    "no id": { cmd: "sleep 1" },
    "an id in capitals": { ...base, id: "/DB" },
    "too much over capacity": { ...base, upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 2 } },
    "an unknown unreachable strategy": { ...base, unreachableStrategy: "never" },
    "a volume without a size": persistent({ containerPath: "d", mode: "RW", persistent: {} }),
  };

  test.each(Object.entries(REFUSED))("%s is refused before it is sent", (_, definition) => {
    expect(appDefinitionSchema.safeParse(definition).success).toBe(false);
  });

  test("what is refused before it is sent, the published schema refuses too", ({ skip }) => {
    if (!contracts.found) return skip(contracts.reason);
    const { problems } = published();
    for (const [name, definition] of Object.entries(REFUSED)) expect(problems(definition), name).not.toEqual([]);
  });

  // Facts §2: an upgradeStrategy given as an object needs both members; the published schema does not know it.
  test("half of an upgrade strategy is refused before it is sent", () => {
    const half = { ...base, upgradeStrategy: { minimumHealthCapacity: 0 } };
    expect(appDefinitionSchema.safeParse(half).success).toBe(false);
  });
});
