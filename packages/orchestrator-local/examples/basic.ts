import { planService } from "@holdfast/orchestrator-local";

// The decision alone, as plain data:
const plan = planService({
  desiredVersion: "v1",
  agents: [{ id: "agent-1", reachable: true, allowed: true }],
  tasks: [],
  nowMs: 0,
  launchNotBeforeMs: 0,
  avoid: null,
});
console.log(plan.actions); // [{ kind: "launch", agent: "agent-1", wait: true, why: "nothing runs" }]
