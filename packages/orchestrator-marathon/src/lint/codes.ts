import { error, type LintCode, warning } from "./code.js";
import { RUNNING_CODES } from "./codes-running.js";
import { STORAGE_CODES } from "./codes-storage.js";

/** What can be said against the form of a definition and the number of its copies. */
const COPY_CODES = {
  MARATHON_NOT_AN_APP: error(
    "This is not an app definition.",
    "Give a JSON object with an id, as for PUT /v2/apps/ID.",
  ),
  MARATHON_WRONG_TYPE: error("Marathon answers 422 to a value of this type.", "Correct the value."),
  MARATHON_UNKNOWN_FIELD: warning(
    "Marathon ignores a field that it does not know, without a word; a misspelt one has no effect.",
    "Correct its name, or remove it.",
  ),
  MARATHON_BAD_ID: error(
    "Segments of an id have lower-case letters, digits, dots and inner dashes; the last one may not be restart, tasks or versions.",
    "Choose another id.",
  ),
  MARATHON_DEPRECATED_FIELD: warning(
    "Marathon translates this field and never returns it; together with its successor it is refused.",
    "Write it in today's form: fetch, networks, portDefinitions, container.portMappings.",
  ),
  MARATHON_NO_COMMAND: error(
    "There is nothing to run: no cmd, no args, no image.",
    "Give args, or cmd beginning with exec.",
  ),
  MARATHON_CMD_AND_ARGS: error("cmd and args exclude each other (422).", "Keep args, which needs no shell."),
  MARATHON_NO_WRAPPER: error(
    "The command is not started by `holdfast run`. unreachableStrategy and labels stop automatic copies only: while an agent is unreachable, a delete, a kill, a scale-down or a change of the configuration starts a second writer though the first may be alive.",
    "Begin the command with holdfast run … --wait --.",
  ),
  MARATHON_NO_WAIT: error(
    "Without --wait a replacement ends at once while its predecessor holds the lease, and Marathon delays the next try more each time.",
    "Add --wait before the --.",
  ),
  MARATHON_WAIT_LIMITED: warning(
    "A waiting run that gives up is started again, later each time; it would have had the lease in the meantime.",
    "Write --wait without a limit.",
  ),
  MARATHON_FIRST_RUN: error(
    "--first-run skips the wait on a missing record. In a definition it is said again at every start, also after the store was lost.",
    "Remove --first-run; give it once, by hand.",
  ),
  MARATHON_NO_VOLUME_GUARD: warning(
    "Only the process is guarded: a wrong, missing or foreign volume would not be noticed.",
    "Give a service file with -f, or mark the volume and add --volume.",
  ),
  MARATHON_INSTANCES: error(
    "More than one copy writes to the data at the same time.",
    "Set instances to 1, or put the command under holdfast run, whose lease lets one work and the others wait.",
  ),
  MARATHON_IDLE_INSTANCES: warning(
    "One copy works and the others wait; more than one that waits, or two on one agent, reserve resources and help nobody.",
    'For a warm standby: 2 instances, ["hostname", "UNIQUE"] and upgradeStrategy {minimumHealthCapacity 0.5, maximumOverCapacity 0}.',
  ),
  MARATHON_NO_SINGLE_INSTANCE_LABEL: warning(
    "Nothing keeps a person from scaling it up, or from losing the upgradeStrategy with the next change.",
    'Add the label MARATHON_SINGLE_INSTANCE_APP: "true"; Marathon then refuses both.',
  ),
  MARATHON_SINGLE_INSTANCE_REFUSED: error(
    "With the label MARATHON_SINGLE_INSTANCE_APP Marathon refuses more than one instance, and any upgradeStrategy but {0, 0}, also none (422).",
    "Set instances to 1, minimumHealthCapacity to 0 and maximumOverCapacity to 0.",
  ),
  MARATHON_UPGRADE_OVERLAP: error(
    "A deployment starts the new copy before the old one has stopped. Left out, upgradeStrategy is {1, 1}, and {0.5, 0} with an external volume, which permits a copy too many as well.",
    "Set minimumHealthCapacity to 0 and maximumOverCapacity to 0.",
  ),
  MARATHON_UPGRADE_OVERLAP_WAITS: warning(
    "A deployment starts the new copy before the old one has stopped; it waits for the lease, and the old one is stopped only when the new one counts as healthy.",
    "Set minimumHealthCapacity to 0 and maximumOverCapacity to 0.",
  ),
  MARATHON_UPGRADE_INCOMPLETE: error(
    "upgradeStrategy needs both members (422).",
    "Give minimumHealthCapacity and maximumOverCapacity.",
  ),
  MARATHON_OVER_CAPACITY_REFUSED: error(
    "maximumOverCapacity must be 0 with a persistent or external volume (422).",
    "Set maximumOverCapacity to 0.",
  ),
  MARATHON_UNREACHABLE_REPLACES: error(
    "When Mesos reports the agent unreachable, a second copy is started though the first may go on writing. {0, 0} is the default of every app without a persistent volume.",
    'Set unreachableStrategy to "disabled", or put the command under holdfast run.',
  ),
  MARATHON_UNREACHABLE_SLOW: warning(
    "An inactiveAfterSeconds above 0 is looked at only at the next reconciliation, ten minutes later.",
    "Set inactiveAfterSeconds to 0: the replacement waits for the lease.",
  ),
  MARATHON_UNREACHABLE_FORGETS: warning(
    "The lost task is forgotten as soon as the replacement starts; when the agent returns Marathon kills it as unknown, even when it still holds the lease.",
    "Set inactiveAfterSeconds to 0 and expungeAfterSeconds to 3600.",
  ),
  MARATHON_UNREACHABLE_REFUSED: error(
    'inactiveAfterSeconds may not exceed expungeAfterSeconds, and an app with a persistent volume accepts "disabled" only (422).',
    'Set unreachableStrategy to "disabled".',
  ),
  MARATHON_KILLS_OLDEST: warning(
    "Of two copies the older one has the data; OLDEST_FIRST kills it.",
    "Set killSelection to YOUNGEST_FIRST.",
  ),
} as const satisfies Record<string, LintCode>;

/** Codes never change their meaning. The list is also the reference page. */
export const LINT_CODES = { ...COPY_CODES, ...RUNNING_CODES, ...STORAGE_CODES };
export type LintCodeName = keyof typeof LINT_CODES;
