/** The files that describe the demo's cluster: the ldms_cfg.yaml of maestro, and those of single daemons. */
import { hostlist } from './ports.ts';

/** What the cluster's file depends on. */
export interface Cluster {
  readonly samplers: readonly number[];
  readonly firstLevel: readonly number[];
  readonly secondLevel: readonly number[];
  readonly auth: 'munge' | 'none';
  /** Where the second level would store. */
  readonly store: string;
  /** Of the samplers. */
  readonly interval: string;
}

/**
 * The example for the cluster cygnus, with this machine in place of the seven hosts, TCP in place of
 * rdma, and free ports in place of 411.
 */
export function ldmsCfg({ samplers, firstLevel, secondLevel, auth, store, interval }: Cluster): string {
  return `# The cygnus example on one machine.
xprt: &xprt "sock"
daemons:
  - names : &samp-names "samp-[1-4]"
    hosts : &samp-hosts "127.0.0.1"
    endpoints :
      - names : &samp-eps "cygnus-0[1-4]-ep"
        ports : "${hostlist(samplers)}"
        xprt : *xprt
        maestro_comm : True
        auth :
          name : ${auth}
          plugin : ${auth}
  - names : &L1-names "agg-[11-12]"
    hosts : &L1-hosts "127.0.0.1"
    endpoints :
      - names : &L1-eps "agg-[11-12]-ep"
        ports : "${hostlist(firstLevel)}"
        xprt : *xprt
        maestro_comm : True
        auth :
          name : ${auth}
          plugin : ${auth}
  - names : &L2-name "agg-2"
    hosts : &L2-host "127.0.0.1"
    endpoints :
      - names : &L2-ep "agg-2-ep"
        ports : "${hostlist(secondLevel)}"
        xprt : *xprt
        maestro_comm : True
        auth :
          name : ${auth}
          plugin : ${auth}

aggregators:
  - daemons   : *L1-names
    peers     :
      - daemons   : *samp-names
        endpoints : *samp-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "200ms"
            sets     :
              - regex : .*
                field : inst
  - daemons : *L2-name
    peers:
      - daemons : *L1-names
        endpoints : *L1-eps
        reconnect : 1s
        type      : active
        updaters  :
          - mode     : pull
            interval : "1.0s"
            offset   : "400ms"
            sets     :
              - regex : .*
                field : inst

samplers:
  - daemons : *samp-names
    plugins :
      - name        : meminfo
        interval    : "${interval}" # Used when starting the sampler plugin
        offset      : "0s"
        config : &simple_samp_config
            component_id : "\${COMPONENT_ID}"
            perm : "0777"

stores:
  - name      : sos-meminfo
    daemons   : *L2-name
    container : meminfo
    schema    : meminfo
    flush     : 10s
    plugin :
      name   : store_sos
      config :
        path : ${store}
`;
}

/** A sampler's own file, where no maestro tells it what to sample. */
export const meminfoConfig = (name: string): string => `load name=meminfo
config name=meminfo producer=${name} instance=${name}/meminfo
start name=meminfo interval=1000000
`;

/** An aggregator's own file, where no maestro tells it what to pull. */
export const pullConfig = (
  producers: readonly (readonly [name: string, port: number])[],
): string => `# Pulls ${producers.map(([name]) => name).join(' and ')}.
${producers
  .map(
    ([
      name,
      port,
    ]) => `prdcr_add name=${name} type=active xprt=sock host=127.0.0.1 port=${port} interval=500000
prdcr_start name=${name}
`,
  )
  .join('')}updtr_add name=all interval=1000000 offset=100000
updtr_prdcr_add name=all regex=.*
updtr_start name=all
`;
