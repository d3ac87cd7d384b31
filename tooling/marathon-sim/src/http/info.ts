import type { Sim } from "../core/model.js";
import type { MemberView } from "./routes.js";

/** `GET /v2/info`. Times are the scaled ones that this double really keeps, in milliseconds. */
export function infoOf({ flags }: Sim, { leader, port }: MemberView): Record<string, unknown> {
  const ms = Math.round;
  return {
    name: "marathon",
    version: "1.10.26",
    buildref: "holdfast-marathon-sim",
    elected: true,
    leader,
    frameworkId: "00000000-0000-4000-8000-000000000000-0000",
    marathon_config: {
      access_control_allow_origin: [],
      checkpoint: true,
      executor: "//cmd",
      failover_timeout: 604_800,
      features: flags.features,
      framework_name: "marathon",
      ha: true,
      hostname: leader.split(":")[0],
      local_port_max: 20_000,
      local_port_min: 10_000,
      master: "zk://localhost:2181/mesos",
      mesos_role: flags.mesosRole,
      reconciliation_initial_delay: ms(flags.reconciliationInitialDelayMs),
      reconciliation_interval: ms(flags.reconciliationIntervalMs),
      scale_apps_initial_delay: ms(flags.reconciliationInitialDelayMs),
      scale_apps_interval: ms(flags.scaleAppsIntervalMs),
      task_launch_confirm_timeout: ms(flags.taskLaunchConfirmTimeoutMs),
      task_launch_timeout: ms(flags.taskLaunchTimeoutMs),
      task_lost_expunge_initial_delay: ms(flags.expungeInitialDelayMs),
      task_lost_expunge_interval: ms(flags.expungeIntervalMs),
      task_reservation_timeout: ms(flags.taskReservationTimeoutMs),
    },
    zookeeper_config: {
      zk: "zk://localhost:2181/marathon",
      zk_connection_timeout: 10_000,
      zk_max_versions: 50,
      zk_session_timeout: 10_000,
      zk_timeout: 10_000,
    },
    http_config: { http_port: port, https_port: 8_443 },
  };
}
