/** ceph.conf of a test cluster. Pure. */
export interface CephConfig {
  readonly directory: string;
  readonly fsid: string;
  readonly monitorAddress: string;
  readonly prefix: string;
  readonly osds: number;
  readonly osdBytes: number;
  /** Further settings of the section `global`. */
  readonly settings: Readonly<Record<string, string>>;
}

export function cephConfig({ directory, fsid, monitorAddress, prefix, osds, osdBytes, settings }: CephConfig): string {
  const global = {
    fsid,
    mon_host: monitorHosts(monitorAddress),
    auth_cluster_required: "none",
    auth_service_required: "none",
    auth_client_required: "none",
    public_network: `${prefix}.0/24`,
    osd_pool_default_size: "1",
    osd_pool_default_min_size: "1",
    mon_allow_pool_size_one: "true",
    mon_warn_on_pool_no_redundancy: "false",
    // A placement group without a second copy never leaves "laggy", where it gets when its lease ran out in a pause.
    osd_pool_default_read_lease_ratio: "10",
    osd_crush_chooseleaf_type: "0",
    osd_pool_default_pg_num: "8",
    osd_pool_default_pg_autoscale_mode: "off",
    run_dir: `${directory}/run`,
    admin_socket: `${directory}/run/$name.$pid.asok`,
    log_file: `${directory}/log/$name.log`,
    osd_objectstore: "bluestore",
    bluestore_block_size: String(osdBytes),
    osd_memory_target: "939524096",
    bluestore_fsck_quick_fix_on_mount: "false",
    mon_data_avail_crit: "1",
    mon_data_avail_warn: "2",
    // A single monitor needs nobody's agreement; these only make it wait less.
    paxos_propose_interval: "0.1",
    paxos_min_wait: "0.01",
    ...settings,
  };
  return [
    section("global", global),
    section("mon.a", { mon_data: `${directory}/mon` }),
    section("mgr.a", { mgr_data: `${directory}/mgr`, mgr_initial_modules: "" }),
    section("mds.a", { mds_data: `${directory}/mds` }),
    ...Array.from({ length: osds }, (_, id) => section(`osd.${id}`, { osd_data: `${directory}/osd${id}` })),
  ].join("\n");
}

export function monitorHosts(address: string): string {
  return `[v2:${address}:3300,v1:${address}:6789]`;
}

function section(name: string, settings: Readonly<Record<string, string>>): string {
  return `[${name}]\n${Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join("")}`;
}
