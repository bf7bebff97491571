/** The script that puts the units of one host in place, and starts them. */
import type { Site } from '../site.ts';
import { origin, type Rendered } from './rendering.ts';
import { command, quoted } from './shell.ts';

const units = '/etc/containers/systemd';

/** The directory of the host that configuration files are in. */
export const placeOfFiles = ({ files }: Site): string => files ?? '/etc/ldms';

/** What a host gets. */
export interface Installed {
  /** The services, without `.service`. */
  readonly services: readonly string[];
  readonly units: readonly Rendered[];
  /** The configuration files. */
  readonly files: readonly Rendered[];
  readonly site: Site;
}

/** The script, which changes nothing where all is as it should be. */
export function installScript(node: string, { services, units: made, files, site }: Installed): string {
  const names = services.map((name) => quoted(`${name}.service`)).join(' ');
  const put = (place: string, all: readonly Rendered[]) =>
    all.length === 0 ? [] : [command([`put ${quoted(place)}`, ...all.map(({ path }) => quoted(path))])];
  return `#!/bin/sh
# Puts the containers of ${node} in place on ${node}, and starts them; as root, and again after a change.
# ${origin}
set -eu
cd "$(dirname "$0")"

changed=
# put DIRECTORY FILE...
put() {
  directory=$1
  shift
  install -d -m 0755 "$directory"
  for file; do
    cmp -s "$file" "$directory/$file" && continue
    changed=yes
    install -m 0644 "$file" "$directory/$file"
    echo "installed $directory/$file"
  done
}

${[...put(placeOfFiles(site), files), ...put(units, made)].join('\n')}

set -- ${names}
systemctl daemon-reload
for service; do
  systemctl cat "$service" >/dev/null 2>&1 && continue
  echo "install.sh: there is no $service, which podman's Quadlet makes of ${units}/\${service%.service}.container; install podman 4.6 or later" >&2
  exit 1
done
if [ -n "$changed" ]; then
  systemctl restart "$@"
else
  systemctl start "$@"
fi
`;
}
