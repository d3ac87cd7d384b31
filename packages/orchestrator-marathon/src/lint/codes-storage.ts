import { error, type LintCode, warning } from "./code.js";

/** Volumes, residency, secrets. */
export const STORAGE_CODES = {
  MARATHON_DATA_IN_SANDBOX: warning(
    "No volume is mounted: what is written goes into the sandbox or the image's layer and is gone with the task.",
    "Mount a volume, or leave it when the data is elsewhere.",
  ),
  MARATHON_DATA_NOT_PINNED: warning(
    "A directory of the agent is mounted and nothing says which agent: the next start may be on another one, in an empty directory. Marathon does not check that it exists.",
    'Add ["hostname", "IS", "NAME"], or an attribute that only agents with this mount have.',
  ),
  MARATHON_VOLUME_REFUSED: error(
    "Of a persistent volume, containerPath is one path segment, mode RW, size above 0; maxSize goes with type mount only and exceeds size; constraints are [path, LIKE, …] and not on type root.",
    "Correct it: Marathon answers 422, or 500 for UNLIKE.",
  ),
  MARATHON_VOLUME_NOT_MAPPED: error(
    "The persistent volume is a directory of the sandbox, and nothing brings it to the path that the image writes to: the data goes into the image's layer and is lost.",
    'Add {"containerPath": "/the/data", "hostPath": "the volume\'s containerPath", "mode": "RW"}.',
  ),
  MARATHON_RESIDENCY_WITHOUT_VOLUME: error(
    "residency without a persistent volume has no effect but to switch on the rules for resident apps.",
    "Remove residency.",
  ),
  MARATHON_RESIDENCY_NO_EFFECT: warning(
    "residency is deprecated and has no effect: the app waits for its agent, whatever taskLostBehavior says.",
    "Remove residency.",
  ),
  MARATHON_RESIDENT_ROLES_REFUSED: error(
    'Only unreserved resources can be reserved: with a persistent volume, acceptedResourceRoles is left out or exactly ["*"] (422).',
    "Remove acceptedResourceRoles.",
  ),
  MARATHON_EXTERNAL_REFUSED: error(
    "An external volume has provider dvdi (csi on 1.11), a name, and options whose keys look like prefix/name, dvdi/driver among them; instances are at most 1; type DOCKER forbids size.",
    "Correct it; Marathon answers 422.",
  ),
  MARATHON_EXTERNAL_DEFAULT_SIZE: warning(
    "Under type DOCKER an external volume that does not exist is made in the driver's default size, 16 GB.",
    "Make the volume beforehand.",
  ),
  MARATHON_SECRET_IN_ENV: error(
    "Everybody who may read the app sees it, in GET /v2/apps and in events.",
    "Give the service a file, or a secret reference where the secrets feature and a plugin are there.",
  ),
  MARATHON_SECRET_IN_LABEL: error(
    "Everybody who may read the app sees it, in GET /v2/apps and in events.",
    "Remove it.",
  ),
  MARATHON_SECRET_IN_COMMAND: error(
    "Everybody who may read the app sees it, and everybody on the agent, in the list of processes.",
    "Give the service a file.",
  ),
  MARATHON_SECRET_UNDEFINED: error("The secret is referred to and not defined under secrets (422).", "Define it."),
  MARATHON_SECRET_NEEDS_PLUGIN: warning(
    "With the secrets feature and no plugin, a reference is accepted and never delivered.",
    "Check GET /v2/plugins, or give the service a file.",
  ),
} as const satisfies Record<string, LintCode>;
