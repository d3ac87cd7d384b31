import { error, type LintCode, warning } from "./code.js";

/** Starting, checking, stopping, resources, ports. */
export const RUNNING_CODES = {
  MARATHON_KILL_GRACE_UNSET: warning(
    "Without taskKillGracePeriodSeconds Mesos sends SIGKILL a few seconds after SIGTERM; a database that is still flushing has to recover afterwards.",
    "Set it to more than the longest clean stop.",
  ),
  MARATHON_KILL_GRACE_SHORT: warning(
    "The stop is ended by SIGKILL before it is over: the run cannot release, and its successor waits a whole lease.",
    "Use at least stop budget + cut + unmount + 5 s; 60 where nothing is known.",
  ),
  MARATHON_SHELL_WITHOUT_EXEC: warning(
    "cmd runs under /bin/sh -c: the shell is what is signalled, or its early end ends the grace period while the server is still flushing (MESOS-6933).",
    "Use args, or begin the last command with exec.",
  ),
  MARATHON_ARGS_WITHOUT_PROGRAM: error(
    "With a container of type MESOS and no image, Marathon passes args without naming a program, and the task cannot start.",
    "Use cmd beginning with exec.",
  ),
  MARATHON_LEADER_CHECK: warning(
    "HTTP (the default), HTTPS and TCP checks run from the Marathon leader: a fault of the network between leader and agent kills a healthy database.",
    "Use COMMAND, which runs on the agent.",
  ),
  MARATHON_PORT_CHECK: warning(
    "No port is open while a database recovers, so that a check of a port kills it when recovery takes longer than the grace period.",
    "Use a COMMAND check that knows what a start is doing, such as holdfast health.",
  ),
  MARATHON_PORT_CHECK_KILLS_WAITING: error(
    "A run that waits for the lease opens no port: the check kills it, and it never takes over.",
    "Use the COMMAND check holdfast health --service NAME.",
  ),
  MARATHON_SEVERAL_CHECKS: error(
    "Mesos takes one check per task; Marathon refuses a second MESOS_* check, and of a second COMMAND check one has no effect.",
    "Keep one check.",
  ),
  MARATHON_NO_CHECK: warning(
    "A process that hangs counts as running for ever.",
    "Add one COMMAND check: holdfast health --service NAME.",
  ),
  MARATHON_CHECK_KILLS_AT_ONCE: error(
    "For MESOS_* and COMMAND checks, maxConsecutiveFailures 0 means: kill at the first failure.",
    "Set it to 3 or more.",
  ),
  MARATHON_GRACE_SHORT: warning(
    "Failures count before a crash recovery is over, and a recovery that is killed begins again.",
    "Set gracePeriodSeconds above the longest recovery, and to 600 at least.",
  ),
  MARATHON_CHECK_WITHOUT_COMMAND: error("A COMMAND check needs command.value.", "Give it, or choose another protocol."),
  MARATHON_CHECK_PORT_MISSING: error(
    "The check's portIndex names a port that the app does not have (422).",
    "Correct portIndex.",
  ),
  MARATHON_READINESS_REFUSED: error(
    "At most one readiness check, over HTTP(S), of a port that exists by name, with timeoutSeconds below intervalSeconds (422).",
    "Correct it, or leave it out: it gates deployments only.",
  ),
  MARATHON_LAUNCH_DELAY: warning(
    "After failures the next start is delayed by up to maxLaunchDelaySeconds (300 by default), which a failover then takes longer.",
    "Set maxLaunchDelaySeconds to 60 or less.",
  ),
  MARATHON_NO_BACKOFF: warning(
    "A start that fails is repeated without a pause and fills the agent with sandboxes.",
    "Set backoffSeconds to 1 or more.",
  ),
  MARATHON_CONSTRAINT_REFUSED: error(
    "Marathon refuses or cannot convert this constraint: two or three strings, an operator in capitals (UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS), and the value that the operator takes.",
    "Correct it; lower-case operators pass the validation and then fail with 500.",
  ),
  MARATHON_CLUSTER_PINS_NOTHING: warning(
    "CLUSTER without a value compares with instances that exist: with one instance it pins nothing over a restart.",
    'Use ["hostname", "IS", "NAME"].',
  ),
  MARATHON_LIKE_DOT: warning(
    "LIKE is a regular expression over the whole string: a dot stands for any character.",
    "Escape dots, or use IS.",
  ),
  MARATHON_MEM_UNSET: warning(
    "Left out, mem is 128 MiB, and what exceeds it is killed.",
    "Set mem to what the service needs.",
  ),
  MARATHON_DISK_UNSET: warning(
    "disk is what the sandbox may take: executable, image layers, logs. With 0 nothing is reserved, and a full agent stops the service.",
    "Set disk.",
  ),
  MARATHON_CPUS_REFUSED: error("cpus must be at least 0.001 (422).", "Set cpus."),
  MARATHON_LIMITS_LOST: warning(
    "Partial updates drop this field without a word, so that a mere scale becomes a restart; up to 1.10.26 a new leader lost resourceLimits as well.",
    "Leave it out.",
  ),
  MARATHON_FETCH_NOT_CACHED: warning(
    "Each start downloads it: no start while that server is away, and a slow one is killed after five minutes of staging.",
    "Set cache to true and put the version into the URI.",
  ),
  MARATHON_FETCH_NOT_EXECUTABLE: error(
    "The command is fetched without being made executable.",
    "Set executable to true and extract to false.",
  ),
  MARATHON_IMAGE_MOVES: warning(
    "An image without a fixed tag may be another one at the next restart.",
    "Name a version, or a digest.",
  ),
  MARATHON_IMAGE_PULLED: warning(
    "forcePullImage asks the registry at each start: no failover while it is away.",
    "Set forcePullImage to false.",
  ),
  MARATHON_PORT_IS_DYNAMIC: warning(
    "Without requirePorts the port in portDefinitions is a service port only; the port on the agent is another one after each start.",
    "Set requirePorts to true, or port to 0 when that is meant.",
  ),
  MARATHON_PORTS_REFUSED: error(
    "portDefinitions go with host networking, container.portMappings with the other modes; the wrong one is refused (422).",
    "Move the ports.",
  ),
} as const satisfies Record<string, LintCode>;
