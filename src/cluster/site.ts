/** What a site decides, and its ldms_cfg.yaml does not say. */

/** The choices of one site. */
export interface Site {
  /** What stands before `/ldms-samp`. */
  readonly namespace: string;
  readonly tag: string;
  /**
   * The nodes of what is not in the file; undefined: found by the cluster; `none`: it is not run. That of
   * maestro is a host list: several stand in for each other.
   */
  readonly maestro: string | undefined;
  readonly ui: string | undefined;
  readonly grafana: string | undefined;
  /** A key file of the hosts', for a munged in each container; undefined: the hosts' own munge. */
  readonly mungeKey: string | undefined;
  /** The directory of the host's munge socket. */
  readonly mungeSocket: string;
  /** What hosts of the file have behind the nodes' names: `-iw`. */
  readonly suffix: string;
  /** Whether each ldmsd listens on its host's address in the file alone, and not on all. */
  readonly bind: boolean;
  /** The directory of the hosts that configuration files are in; undefined: where the rendered files are. */
  readonly files: string | undefined;
  /** The ports of the web back-end and of grafana. */
  readonly uiPort: number;
  readonly grafanaPort: number;
  /** More options for each ldmsd. */
  readonly sampOptions: readonly string[];
  readonly aggOptions: readonly string[];
  /** Whether containers get all privileges, as the images before had them. */
  readonly privileged: boolean;
  /** Kubernetes: the class that aggregators' storage is claimed of; undefined: a directory of the node's. */
  readonly storageClass: string | undefined;
  readonly storageSize: string;
}

/** A site that decides nothing. */
export const anySite: Site = {
  namespace: 'ovishpc',
  tag: 'latest',
  maestro: undefined,
  ui: undefined,
  grafana: undefined,
  mungeKey: undefined,
  mungeSocket: '/run/munge',
  suffix: '',
  bind: false,
  files: undefined,
  uiPort: 80,
  grafanaPort: 3000,
  sampOptions: [],
  aggOptions: [],
  privileged: false,
  storageClass: undefined,
  storageSize: '100Gi',
};

/** The name of an image, as an engine takes it. */
export const imageOf = (role: string, { namespace, tag }: Site): string => `${namespace}/ldms-${role}:${tag}`;
