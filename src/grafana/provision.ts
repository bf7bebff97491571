/** A data source for the DSOS plugin, so that nobody has to make it by hand. */
import type { Host } from '../host.ts';
import { whyNoRoom } from '../nearest.ts';
import type { FileAction, Requirement } from '../plan.ts';
import { errnoWords } from '../problem.ts';

/** What has to be so, and what is done. */
export interface Provisioning {
  readonly requirements: readonly Requirement[];
  readonly preparations: readonly FileAction[];
}

const file = 'ldms-dsosds.yaml';

/**
 * Provisions it (grafana.com/docs/grafana/latest/administration/provisioning).
 *
 * @param url of the ui container; what answers queries there is below /grafana (sosdb-ui sosgui/urls.py)
 * @param type the plugin's id
 * @param provisioning grafana's directory for it
 */
export function provisionDsosds(url: string, type: string, provisioning: string, host: Host): Provisioning {
  const directory = `${provisioning}/datasources`;
  const path = `${directory}/${file}`;
  const what = `data source of LDMS_ENTRYPOINT_DSOSDS_URL=${url}`;
  const { there, errno } = whyNoRoom(directory, host);
  if (errno !== undefined) {
    const because = `cannot provision the ${what}: ${there}: ${errnoWords(errno)}`;
    const remedy = `let uid ${host.uid} write there, or leave the setting out and mount ${path} yourself`;
    return {
      requirements: [{ what, problem: { kind: 'configuration', what: because, remedy } }],
      preparations: [],
    };
  }
  // Two that are the default would be refused; one that is alone may as well be it.
  const isAlone = host.entries(directory).every((name) => name === file || !/\.ya?ml$/.test(name));
  const text = dataSource({ url: queriesAt(url), type, isDefault: isAlone });
  return {
    requirements: [{ what, found: `is written to ${path}` }],
    preparations: [
      { do: 'directory', path: directory, mode: 0o755, mend: false },
      { do: 'write', path, text, mode: 0o644 },
    ],
  };
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
