/** Files of a MooseFS test cluster. Pure; mfsmaster.cfg(5), mfschunkserver.cfg(5), mfsexports.cfg(5). */

const common = {
  WORKING_USER: "root",
  WORKING_GROUP: "root",
  NICE_LEVEL: "0",
  DISABLE_OOM_KILLER: "0",
};

export interface MasterConfig {
  readonly directory: string;
  readonly address: string;
  readonly settings: Readonly<Record<string, string>>;
}

export function masterConfig({ directory, address, settings }: MasterConfig): string {
  return lines({
    ...common,
    DATA_PATH: directory,
    EXPORTS_FILENAME: `${directory}/mfsexports.cfg`,
    TOPOLOGY_FILENAME: `${directory}/mfstopology.cfg`,
    MATOML_LISTEN_HOST: address,
    MATOCS_LISTEN_HOST: address,
    MATOCL_LISTEN_HOST: address,
    // What a client was told survives a killed master; mode 0 writes in another process, later.
    CHANGELOG_SAVE_MODE: "1",
    ...settings,
  });
}

export interface ChunkServerConfig {
  readonly directory: string;
  readonly address: string;
  readonly masterAddress: string;
}

export function chunkServerConfig({ directory, address, masterAddress }: ChunkServerConfig): string {
  return lines({
    ...common,
    DATA_PATH: directory,
    HDD_CONF_FILENAME: `${directory}/mfshdd.cfg`,
    MASTER_HOST: masterAddress,
    BIND_HOST: address,
    CSSERV_LISTEN_HOST: address,
    HDD_LEAVE_SPACE_DEFAULT: "256MiB",
    MASTER_RECONNECTION_DELAY: "1",
    HDD_FSYNC_BEFORE_CLOSE: "1",
  });
}

/** The master's own machine makes the volumes; every volume gets a line of its own. */
export function adminExport(masterAddress: string): string {
  return `${masterAddress} / rw,alldirs,admin,maproot=0:0\n`;
}

export function volumeExport(prefix: string, path: string): string {
  return `${prefix}.0/24 ${path} rw,maproot=0:0\n`;
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}
