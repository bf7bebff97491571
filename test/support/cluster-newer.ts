/**
 * A cluster in the newer generation of the format: plugins have a section of their own, and stores are a
 * mapping. Two samplers, and one aggregator that collects from them and stores.
 */
export const newerYaml = `daemons:
  - names: &nodes "samp-[1-2]"
    hosts: "nid[01-02]"
    endpoints:
      - {names: &node-eps "samp-[1-2]-ep", ports: 411, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}}
  - names: &store "agg"
    hosts: "nid10"
    endpoints:
      - {names: "agg-ep", ports: 412, xprt: sock, maestro_comm: True, auth: {name: munge, plugin: munge}}
aggregators:
  - daemons: *store
    peers:
      - daemons: *nodes
        endpoints: *node-eps
        reconnect: 20s
        type: active
        updaters:
          - {mode: pull, interval: 1s, offset: 100ms}
samplers:
  - daemons: *nodes
    plugins: [meminfo1]
plugins:
  meminfo1:
    name: meminfo
    interval: 1s
    offset: 0s
    config:
      - {schema: meminfo, component_id: "\${COMPONENT_ID}"}
  sos1:
    name: store_sos
    config: [{path: /store}]
stores:
  meminfo-sos:
    daemons: *store
    container: meminfo
    schema: meminfo
    plugin: sos1
`;

/** One edit of a text, which has to have what is replaced. */
export function edited(text: string, from: string | RegExp, to: string): string {
  const has = typeof from === 'string' ? text.includes(from) : from.test(text);
  if (!has) throw new Error(`the text has nothing like ${from}`);
  return text.replace(from, () => to);
}

/** Several edits, one after another. */
export const editedBy = (text: string, edits: readonly (readonly [string | RegExp, string])[]): string =>
  edits.reduce((before, [from, to]) => edited(before, from, to), text);
