/** The Apptainer lines of ldms-cluster, as texts; test/local/cluster-apptainer.test.ts runs them. */
import { expect, test } from 'vitest';
import { apptainer } from '../../src/cluster/render/apptainer.ts';
import { origin } from '../../src/cluster/render/rendering.ts';
import { cygnus } from '../support/clusters.ts';

const textOf = async (path: string, site: Parameters<typeof cygnus>[0] = {}) =>
  apptainer.render(await cygnus(site)).find((file) => file.path === path)?.text ?? '';

test('the images are fetched by one script, and each host has a directory', async () => {
  const paths = apptainer.render(await cygnus()).map(({ path }) => path);
  expect(paths.slice(0, 3)).toEqual(['pull.sh', 'cygnus-01/start.sh', 'cygnus-01/stop.sh']);
  expect(paths.filter((path) => path.startsWith('cygnus-07/'))).toEqual(
    ['start.sh', 'stop.sh', 'dsosd.json', 'ldms_cfg.yaml', 'dsosd.conf', 'settings.py'].map(
      (name) => `cygnus-07/${name}`,
    ),
  );
});

test("a sampler sees the host's processes, which an instance would not", async () => {
  expect(await textOf('cygnus-01/start.sh')).toBe(`#!/bin/sh
# Starts the containers of cygnus-01, on cygnus-01.
# ${origin}
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
set -- ldms-samp_latest.sif
for image in "$@"; do
    [ -f "$here/../$image" ] ||
        { echo "start.sh: cannot start: there is no $image in \${here%/*}: run pull.sh there" >&2; exit 1; }
done
manager=--system; [ "$(id -u)" -eq 0 ] || manager=--user

# systemd keeps it: an instance of Apptainer's does not see the host's processes.
systemd-run "$manager" --quiet --collect --unit=ldms-samp --property=Restart=always \\
    --property=RestartSec=10 \\
    --property=LimitMEMLOCK=infinity \\
    apptainer run \\
    --contain \\
    --cleanenv \\
    --no-home \\
    --no-eval \\
    --no-privs \\
    --add-caps=CAP_NET_BIND_SERVICE \\
    --bind /dev/infiniband \\
    --env HOSTNAME="$(uname -n)" \\
    --env COMPONENT_ID=1 \\
    --bind /run/munge:/run/munge:ro \\
    "$here"/../ldms-samp_latest.sif -x rdma:411 -a munge
`);
});

test('all others are instances', async () => {
  const text = await textOf('cygnus-07/start.sh');
  expect(text.match(/^apptainer instance run/gm)).toHaveLength(4);
  expect(text).toContain(`apptainer instance run \\
    --contain \\
    --cleanenv \\
    --no-home \\
    --no-eval \\
    --no-privs \\
    --writable-tmpfs \\
    --bind /dev/infiniband \\
    --env HOSTNAME="$(uname -n)" \\
    --bind /run/munge:/run/munge:ro \\
    --bind "$here"/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro \\
    --bind "$here"/ldms-maestro-etcd:/var/lib/etcd \\
    "$here"/../ldms-maestro_latest.sif maestro
`);
  expect(text).toContain('\nprlimit --memlock=unlimited --pid $$\n');
});

test('a path that --bind would split is given to --mount, as CSV', async () => {
  const text = await textOf('cygnus-05/start.sh', { mungeKey: '/etc/a,b:c "d"' });
  expect(text).toContain(`--mount 'type=bind,"source=/etc/a,b:c ""d""",destination=/etc/munge/munge.key,ro'`);
});

test('a tag is in the name of the image, so that no older one is taken for it', async () => {
  const site = { namespace: 'site', tag: '4.4.4' };
  expect(await textOf('pull.sh', site)).toContain(
    'apptainer pull --force ldms-samp_4.4.4.sif.part docker://site/ldms-samp:4.4.4\n',
  );
  expect(await textOf('cygnus-01/start.sh', site)).toContain('"$here"/../ldms-samp_4.4.4.sif -x rdma:411');
});

test('--keep-privs takes the place of all other privileges', async () => {
  const text = await textOf('cygnus-07/start.sh', { privileged: true });
  expect(text.match(/--keep-privs/g)).toHaveLength(4);
  expect(text).not.toMatch(/--no-privs|--add-caps/);
});

test('what to type next names the directory, quoted', async () => {
  expect(apptainer.next('my cluster', await cygnus())).toBe(
    "sh 'my cluster/pull.sh', then on each host, which has to have 'my cluster' too: sh 'my cluster/HOST/start.sh'",
  );
});
