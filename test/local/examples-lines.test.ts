/**
 * The lines that examples/cygnus/README.md has for typing: the real pdsh and sh run them, with stand-ins for
 * docker and ssh that count what would be started. It has to be what ldms-cluster finds in ldms_cfg.yaml.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { envOfAny } from '../../src/cluster/container.ts';
import { cygnus } from '../support/clusters.ts';
import { type Call, counting } from '../support/counting.ts';
import { testNeeding } from '../support/needs.ts';
import { repository } from '../support/program.ts';

const readme = readFileSync(join(repository, 'examples/cygnus/README.md'), 'utf8');
const lines = readme
  .split('\n')
  .filter((line) => /^ {4}(pdsh|docker) /.test(line))
  .map((line) => line.trim());

const script = (text: readonly string[]) => [{ path: 'typed.sh', text: `${text.join('\n')}\n` }];

/** What a `docker run` comes to, whatever its container is called and however privileged: where, image, words, mounts. */
function essence({ host, args }: Call): string {
  const image = args.findIndex((word) => word.startsWith('ovishpc/'));
  const valuesOf = (option: string) => args.flatMap((word, at) => (args[at - 1] === option ? [word] : []));
  return JSON.stringify({
    host: host || 'cygnus-07',
    image: args[image],
    args: args.slice(image + 1),
    env: valuesOf('-e').toSorted(),
    mounts: valuesOf('-v')
      .map((mount) => mount.split(':')[1] ?? '')
      .toSorted(),
    hostPid: args.includes('--pid=host'),
  });
}

async function planned(): Promise<string[]> {
  const { containers } = await cygnus();
  return containers.map((container) =>
    JSON.stringify({
      host: container.node,
      image: `ovishpc/ldms-${container.role}`,
      args: container.args,
      env: Object.entries(envOfAny(container))
        .map(([name, value]) => `${name}=${value}`)
        .toSorted(),
      // etcd's data and grafana's are kept by whoever wants to.
      mounts: container.mounts.flatMap(({ kind, to }) => (kind === 'volume' ? [] : [to])).toSorted(),
      hostPid: container.hostPid,
    }),
  );
}

const counted = async (text: readonly string[]): Promise<string[]> => {
  const { code, stderr, calls } = await counting(script(text)).run('sh', 'typed.sh');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return calls.filter(({ program }) => program === 'docker').map(essence);
};

testNeeding(['pdsh'], 'typed by hand, they start what ldms_cfg.yaml says', async () => {
  expect((await counted(lines)).toSorted()).toEqual((await planned()).toSorted());
});

testNeeding(['pdsh'], 'a line that is missing is noticed', async () => {
  expect((await counted(lines.slice(1))).toSorted()).not.toEqual((await planned()).toSorted());
});
