/** The script that puts rendered units in place, run in a namespace whose /etc is empty. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { quadlet } from '../../src/cluster/render/quadlet.ts';
import type { Site } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, run } from '../support/program.ts';
import { temporary, writeRendered } from '../support/rendered.ts';

const rendered = async (site: Partial<Site> = {}): Promise<string> =>
  writeRendered(quadlet, await cygnus(site));

/** A stand-in for systemctl, which tells what it is asked; it has a service for each unit, if there is a Quadlet. */
const systemctl = `#!/bin/sh
if [ "$1" = cat ]; then
  [ ! -e /etc/no-quadlet ] && [ -f "/etc/containers/systemd/\${2%.service}.container" ]
  exit
fi
echo "systemctl $*"
`;

/** Runs a script as root of a node that has an empty /etc of its own. */
async function onNode(directory: string, script: string): Promise<Result> {
  const bin = temporary();
  writeFileSync(join(bin, 'systemctl'), systemctl, { mode: 0o755 });
  const body = `mount -t tmpfs none /etc; ${script}`;
  return run('unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-ec', body], {
    cwd: directory,
    env: { PATH: `${bin}:${process.env['PATH']}` },
  });
}

const all = ['agg', 'maestro', 'ui', 'grafana'].map((name) => `ldms-${name}.service`).join(' ');
const installed = (path: string) => `installed ${path}`;

testNeeding(
  ['namespaces', 'root'],
  'install.sh puts units and files in place, and starts the services',
  async () => {
    const directory = await rendered();
    const script =
      'sh cygnus-07/install.sh; find /etc -type f -printf "%m %p\\n"; cmp cygnus-07/ldms_cfg.yaml /etc/ldms/ldms_cfg.yaml';
    const { code, stdout, stderr } = await onNode(directory, script);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const files = readdirSync(join(directory, 'cygnus-07')).filter((name) => name !== 'install.sh');
    const places = files.map((name) =>
      join(/\.(container|volume)$/.test(name) ? '/etc/containers/systemd' : '/etc/ldms', name),
    );
    const lines = stdout.trim().split('\n');
    expect(lines.filter((line) => line.startsWith('installed')).toSorted()).toEqual(
      places.map(installed).toSorted(),
    );
    expect(lines.filter((line) => line.startsWith('systemctl'))).toEqual([
      'systemctl daemon-reload',
      `systemctl restart ${all}`,
    ]);
    expect(lines.filter((line) => line.startsWith('644 ')).toSorted()).toEqual(
      places.map((path) => `644 ${path}`).toSorted(),
    );
  },
);

testNeeding(
  ['namespaces', 'root'],
  'install.sh, again: it changes nothing and leaves the services alone, until a file is another',
  async () => {
    const again = 'sh cygnus-07/install.sh >/dev/null; sh cygnus-07/install.sh';
    const { stdout } = await onNode(await rendered(), again);
    expect(stdout).toBe(`systemctl daemon-reload\nsystemctl start ${all}\n`);
    const changed = `${again} >/dev/null; echo cygnus-08 >>cygnus-07/dsosd.conf; sh cygnus-07/install.sh`;
    expect((await onNode(await rendered(), changed)).stdout).toBe(
      `installed /etc/ldms/dsosd.conf\nsystemctl daemon-reload\nsystemctl restart ${all}\n`,
    );
  },
);

testNeeding(['namespaces', 'root'], 'install.sh tells of a podman without Quadlet', async () => {
  const { code, stderr } = await onNode(await rendered(), 'touch /etc/no-quadlet; sh cygnus-01/install.sh');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      "install.sh: there is no ldms-samp.service, which podman's Quadlet makes of /etc/containers/systemd/ldms-samp.container; install podman 4.6 or later\n",
  });
});

testNeeding(['namespaces', 'root'], "install.sh takes any name of the files' directory", async () => {
  const place = "/etc/it's $HOME/ldms";
  const { code, stdout } = await onNode(await rendered({ files: place }), 'sh cygnus-07/install.sh');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toContain(`installed ${place}/ldms_cfg.yaml`);
});

testNeeding(['shellcheck'], 'shellcheck finds nothing in install.sh', async () => {
  const directory = await rendered();
  for (const node of ['cygnus-01', 'cygnus-07']) {
    const { code, stdout } = await run('shellcheck', [join(directory, node, 'install.sh')]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  }
});
