/**
 * What an ldms_cfg.yaml describes, as values. Times are microseconds, as maestro_ctrl counts them.
 *
 * Whatever could not be understood is left out or undefined; a mistake has then been told.
 */

/** A place in the file; lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A mistake or a doubt, where it is in the file. Lines and columns count from 1. */
export interface Finding extends Position {
  /** One line, for the person who has to mend it. */
  readonly text: string;
}

/** All that one file describes. */
export interface Cluster {
  readonly groups: readonly DaemonGroup[];
  readonly aggregators: readonly Aggregator[];
  readonly samplers: readonly Sampler[];
  readonly stores: readonly Store[];
  /** The instances of the top-level `plugins`; those written in place are with their users. */
  readonly plugins: readonly Plugin[];
}

/** An entry of `daemons`: daemons that are configured alike. */
export interface DaemonGroup {
  readonly at: Position;
  /** `names` as written: the key by which the rest of the file means this group. */
  readonly expression: string;
  /** Every daemon's name; empty when the expression is wrong. */
  readonly names: readonly string[];
  /** The host of each daemon, in the order of `names`; empty when it cannot be told. */
  readonly hosts: readonly string[];
  readonly endpoints: readonly Endpoint[];
}

/** A port of every daemon of a group. */
export interface Endpoint {
  readonly at: Position;
  readonly expression: string;
  /** One name for each daemon, in the daemons' order; empty when it cannot be told. */
  readonly names: readonly string[];
  /** One port for each daemon; empty when it cannot be told. */
  readonly ports: readonly number[];
  /** One host for each daemon when the endpoint has its own `hosts`, otherwise empty. */
  readonly hosts: readonly string[];
  readonly xprt: string;
  /** Whether maestro configures the daemon through this endpoint. */
  readonly maestroComm: boolean;
  readonly auth: Auth;
}

/** An authentication domain. */
export interface Auth {
  /** Where it stands; undefined when the file does not say, which means "none". */
  readonly at: Position | undefined;
  readonly name: string;
  readonly plugin: string;
  /** What the plugin is given: a file, an option, or a mapping of options. */
  readonly conf: ConfigValue | undefined;
}

/** An entry of `aggregators`: what the daemons of a group collect. */
export interface Aggregator {
  readonly at: Position;
  /** The `expression` of a group. */
  readonly daemons: string;
  readonly peers: readonly Peer[];
  readonly listeners: readonly Listener[];
  readonly plugins: readonly PluginUse[];
  readonly subscriptions: readonly Subscription[];
}

/** Producers that an aggregator connects to. */
export interface Peer {
  readonly at: Position;
  /** Usually one; a comma in `daemons` and `endpoints` makes several. */
  readonly sources: readonly Source[];
  readonly type: string;
  readonly reconnect: number | undefined;
  readonly updaters: readonly Updater[];
}

/** A group and those of its endpoints that a peer is read through. */
export interface Source {
  /** The `expression` of a group. */
  readonly daemons: string;
  /** The endpoints as written. */
  readonly expression: string;
  readonly endpoints: readonly string[];
}

/** An entry of `prdcr_listen`: producers that connect to the aggregator by themselves. */
export interface Listener {
  readonly at: Position;
  readonly name: string;
  readonly regex: string | undefined;
  readonly reconnect: number | undefined;
  readonly updaters: readonly Updater[];
}

/** When sets are fetched. */
export interface Updater {
  readonly at: Position;
  readonly mode: string;
  readonly interval: number | undefined;
  readonly offset: number | undefined;
  /** Which sets; empty means all. */
  readonly sets: readonly SetMatch[];
}

/** Sets by a regular expression on their instance's or schema's name. */
export interface SetMatch {
  readonly regex: string;
  readonly field: string;
}

/** A stream that an aggregator subscribes its producers to. */
export interface Subscription {
  readonly at: Position;
  readonly stream: string;
  /** Which producers. */
  readonly regex: string;
}

/** An entry of `samplers`: what the daemons of a group sample. */
export interface Sampler {
  readonly at: Position;
  /** The `expression` of a group. */
  readonly daemons: string;
  readonly plugins: readonly PluginUse[];
  readonly advertise: Advertise | undefined;
}

/** Where sampler daemons connect to by themselves. */
export interface Advertise {
  readonly at: Position;
  readonly names: readonly string[];
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  readonly xprt: string;
  readonly reconnect: number | undefined;
  readonly auth: Auth;
}

/** A storage policy. */
export interface Store {
  readonly at: Position;
  readonly name: string;
  /** The `expression` of a group. */
  readonly daemons: string;
  readonly container: string | undefined;
  readonly schema: string | undefined;
  readonly regex: string | undefined;
  readonly decomposition: string | undefined;
  readonly flush: number | undefined;
  readonly plugin: PluginUse | undefined;
}

/** A plugin where it is used. */
export interface PluginUse {
  readonly at: Position;
  /** The instance that is named, or what is written in place. */
  readonly plugin: Plugin;
}

/** A plugin and its configuration. */
export interface Plugin {
  readonly at: Position;
  /** Its key in the top-level `plugins`; undefined for one that is written in place. */
  readonly instance: string | undefined;
  /** The plugin to load: meminfo, store_sos. */
  readonly name: string;
  readonly interval: number | undefined;
  readonly offset: number | undefined;
  /** One `config` command each; a text is passed on as it is. */
  readonly config: readonly (string | ConfigMap)[];
}

/** Anything that YAML can say under a `config`, with variables such as `${HOSTNAME}` as written. */
export type ConfigValue = string | number | boolean | null | readonly ConfigValue[] | ConfigMap;

/** Options by name. */
export interface ConfigMap {
  readonly [key: string]: ConfigValue;
}
