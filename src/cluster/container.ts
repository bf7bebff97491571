/** What a cluster runs, host by host: the same whichever way it is started. */
import type { Position } from '../ldmscfg/read.ts';

/** What there is beside the daemons of the file. */
export const otherRoles = ['maestro', 'ui', 'grafana'] as const;

/** The image that a container is of: `ldms-ROLE`. */
export type Role = 'samp' | 'agg' | (typeof otherRoles)[number];

/** Something of the host's inside a container. */
export interface Mount {
  /**
   * `directory`: a directory of the host's at `from`. `file`: a file of the host's at `from`.
   * `config`: a configuration file of the cluster's, of the name `from`, which stands where the way
   * of deploying puts it. `volume`: a volume of the name `from`, which outlives the container.
   */
  readonly kind: 'directory' | 'file' | 'config' | 'volume';
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** One container of one host. */
export interface Container {
  readonly role: Role;
  /** The container's name, one of its kind on its host: samp, agg, agg-2. */
  readonly name: string;
  /** The host's own name: where one logs in, and what a scheduler calls it. */
  readonly node: string;
  /** The daemon that it is, by the file's name; undefined for those that the file does not tell of. */
  readonly daemon: string | undefined;
  /** The expression of the daemon's group. */
  readonly group: string | undefined;
  /** What stands behind the image's name. */
  readonly args: readonly string[];
  /** Variables; those of `component` are not among them. */
  readonly env: Readonly<Record<string, string>>;
  /** The node's number, and the variables that its samplers know it by; undefined where none asks for it. */
  readonly component: Component | undefined;
  readonly mounts: readonly Mount[];
  readonly listens: readonly Listen[];
  /** Whether it reads the host's /proc. */
  readonly hostPid: boolean;
  /** Capabilities that it needs, without `CAP_`; it gets no others. */
  readonly capabilities: readonly string[];
  /** Directories that have to be writable and are not kept. */
  readonly scratch: readonly string[];
  /** Whether it has to get at RDMA hardware. */
  readonly rdma: boolean;
}

/** What LDMS calls a node's component number. */
export interface Component {
  readonly variables: readonly string[];
  readonly number: number;
  /** Whether it is the number in the node's name, so that the container finds it by itself. */
  readonly inName: boolean;
}

/** A port that a container listens on. */
export interface Listen {
  readonly port: number;
  /** sock, rdma, …; `http` and `etcd` for what is no LDMS. */
  readonly xprt: string;
  /** The one address that it listens on; undefined for all. */
  readonly address: string | undefined;
  /** The plugin that clients authenticate with; none if they need not. */
  readonly auth: string;
  /** Where the file says so. */
  readonly at: Position | undefined;
}

/** Whether dsosd runs beside its ldmsd. */
export const servesDsos = ({ env }: Container): boolean => 'LDMS_ENTRYPOINT_DSOSD' in env;

/** The variables of a container, its component number given. */
export const envOf = ({ env, component }: Container): Readonly<Record<string, string>> => ({
  ...env,
  ...(component && Object.fromEntries(component.variables.map((name) => [name, String(component.number)]))),
});

/**
 * The variables of a container, the same for all nodes whose names have their numbers in them: the
 * entrypoint finds the number by itself (docs/settings.md, LDMS_ENTRYPOINT_COMPONENT_ID).
 */
export const envOfAny = (container: Container): Readonly<Record<string, string>> =>
  container.component?.inName
    ? { ...container.env, LDMS_ENTRYPOINT_COMPONENT_ID: container.component.variables.join(',') }
    : envOf(container);

/** Containers that are the same but for their node: what one line, or one manifest, starts on all of those. */
export interface Variant {
  /** The first of them. */
  readonly container: Container;
  readonly containers: readonly Container[];
  readonly nodes: readonly string[];
}

/** Sorts containers into variants, in the order in which they come. */
export function variantsOf(containers: readonly Container[]): readonly Variant[] {
  const same = Map.groupBy(containers, (container) => {
    const { node: _node, daemon: _daemon, component: _component, listens: _listens, ...rest } = container;
    return JSON.stringify({ ...rest, env: envOfAny(container) });
  });
  return [...same.values()].flatMap((all) =>
    all[0] ? [{ container: all[0], containers: all, nodes: all.map(({ node }) => node) }] : [],
  );
}
