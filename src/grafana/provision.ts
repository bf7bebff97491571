/** A data source for the DSOS plugin, so that nobody has to make it by hand. */
import type { Host } from '../host.ts';
import { mayWrite, type Placed } from './places.ts';

const file = 'ldms-dsosds.yaml';

/**
 * Provisions it (grafana.com/docs/grafana/latest/administration/provisioning).
 *
 * @param url of the ui container; what answers queries there is below /grafana (sosdb-ui sosgui/urls.py)
 * @param type the plugin's id
 * @param provisioning grafana's directory for it
 */
export function provisionDsosds(url: string, type: string, provisioning: string, host: Host): Placed {
  const directory = `${provisioning}/datasources`;
  const path = `${directory}/${file}`;
  const what = `${directory}, for the data source of LDMS_ENTRYPOINT_DSOSDS_URL=${url}`;
  const placed = mayWrite(what, directory, host, file);
  if (placed.requirements.some(({ problem }) => problem)) return placed;
  // Two that are the default would be refused; one that is alone may as well be it.
  const isAlone = host.entries(directory).every((name) => name === file || !/\.ya?ml$/.test(name));
  const text = dataSource({ url: queriesAt(url), type, isDefault: isAlone });
  return { ...placed, preparations: [...placed.preparations, { do: 'write', path, text, mode: 0o644 }] };
}

function queriesAt(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === '/' ? `${origin}/grafana` : url.replace(/\/+$/, '');
}

/** Grafana puts variables in where a dollar sign stands, unless it stands twice. */
function dataSource({ url, type, isDefault }: { url: string; type: string; isDefault: boolean }): string {
  return `# Written at each start by ldms-entrypoint, from LDMS_ENTRYPOINT_DSOSDS_URL.
apiVersion: 1
datasources:
  - name: LDMS
    uid: ldms-dsosds
    type: ${JSON.stringify(type)}
    access: proxy
    url: ${JSON.stringify(url.replaceAll('$', '$$$$'))}
    isDefault: ${isDefault}
    editable: false
`;
}
