/** Rendered units in the hands of podman's own generator and systemd's own verifier. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { quadlet as renderer } from '../../src/cluster/render/quadlet.ts';
import type { Site } from '../../src/cluster/site.ts';
import { cygnus } from '../support/clusters.ts';
import { testNeeding } from '../support/needs.ts';
import { type Result, run } from '../support/program.ts';
import { argumentsOf, complaints, generate, services } from '../support/quadlet.ts';
import { temporary, writeRendered } from '../support/rendered.ts';

const rendered = async (site: Partial<Site> = {}): Promise<string> =>
  writeRendered(renderer, await cygnus(site));

const verify = (all: ReadonlyMap<string, string>): Promise<Result> => {
  const directory = temporary();
  for (const [name, text] of all) writeFileSync(join(directory, name), text);
  return run('systemd-analyze', [
    'verify',
    '--man=no',
    ...[...all.keys()].map((name) => join(directory, name)),
  ]);
};

const sites: [string, Partial<Site>][] = [
  ["the hosts' munge", {}],
  ['a key, and files elsewhere', { mungeKey: '/etc/munge/munge.key', files: '/opt/ldms/etc' }],
  ['all privileges', { privileged: true }],
  [
    'paths and options with blanks',
    { mungeKey: '/a b/%n/$HOME', files: '/x, "y"', sampOptions: ['a b;', '%n'] },
  ],
];
for (const [what, site] of sites) {
  testNeeding(
    ['Quadlet', 'systemd-analyze', 'podman'],
    `${what}: the generator makes services of all units without a word, and systemd accepts them`,
    async () => {
      const directory = await rendered(site);
      for (const node of readdirSync(directory)) {
        const made = await generate(join(directory, node));
        expect({ code: made.code, complaints: complaints(made) }, node).toEqual({ code: 0, complaints: [] });
        const units = readdirSync(join(directory, node)).flatMap((name) => {
          if (name.endsWith('.volume')) return [name.replace('.volume', '-volume.service')];
          return name.endsWith('.container') ? [name.replace('.container', '.service')] : [];
        });
        expect([...services(made).keys()].toSorted(), node).toEqual(units.toSorted());
        expect(await verify(services(made)), node).toEqual({ code: 0, stdout: '', stderr: '' });
      }
    },
  );
}

testNeeding(
  ['Quadlet'],
  'the generator does complain: of a misspelt key, and of an image without a registry',
  async () => {
    const units = join(await rendered(), 'cygnus-01');
    const unit = join(units, 'ldms-samp.container');
    const text = readFileSync(unit, 'utf8');
    writeFileSync(unit, text.replace('NoNewPrivileges', 'NoNewPrivilege'));
    expect(complaints(await generate(units)).join('\n')).toContain("unsupported key 'NoNewPrivilege'");
    writeFileSync(unit, text.replace('docker.io/', ''));
    expect(complaints(await generate(units)).join('\n')).toContain('not a fully qualified image name');
  },
);

testNeeding(['Quadlet', 'systemd-analyze', 'podman'], 'the verifier does complain of a service', async () => {
  const made = services(await generate(join(await rendered(), 'cygnus-01')));
  const broken = new Map(
    [...made].map(([name, text]) => [name, text.replace('RestartSec=10', 'RestartSec=soon')]),
  );
  expect((await verify(broken)).stderr).toMatch(/ldms-samp\.service:\d+: .*soon/);
});

const nasty = ['a b', '$HOME ${X}', '100%', '%n', '#', "it's", 'q"q', '\\ \t', '-v', 'x;y', '~', '*'];

testNeeding(['Quadlet'], "podman gets a sampler's image, mounts and arguments, byte for byte", async () => {
  const directory = await rendered({ sampOptions: nasty, mungeKey: '/a b/$c/100%' });
  const made = services(await generate(join(directory, 'cygnus-03')));
  const words = argumentsOf(made.get('ldms-samp.service'));
  expect(words.slice(words.indexOf('docker.io/ovishpc/ldms-samp:latest') + 1)).toEqual([
    ...['-x', 'rdma:411', '-a', 'munge'],
    ...nasty,
  ]);
  const options = words.slice(0, words.indexOf('docker.io/ovishpc/ldms-samp:latest'));
  expect(options).toEqual(
    expect.arrayContaining([
      '--mount=type=bind,source=/a b/$c/100%,destination=/etc/munge/munge.key,readonly',
      'COMPONENT_ID=3',
      '--pid=host',
      '--read-only',
      '--read-only-tmpfs=false',
      '--security-opt=no-new-privileges',
      '--ulimit=memlock=-1:-1',
    ]),
  );
  const after = (option: string) => options.filter((_, at) => options[at - 1] === option);
  expect(after('--name')).toEqual(['samp']);
  expect(after('--network')).toEqual(['host']);
  expect(after('--cap-drop')).toEqual(['all']);
  expect(after('--device')).toEqual(['/dev/infiniband']);
  expect(after('--tmpfs')).toEqual(['/run']);
  expect(after('--health-cmd')).toEqual(['/usr/local/bin/ldms-entrypoint health']);
});

testNeeding(['Quadlet'], 'an argument that is not doubled would be replaced by systemd', async () => {
  const units = join(await rendered({ sampOptions: ['$HOME'] }), 'cygnus-01');
  const unit = join(units, 'ldms-samp.container');
  writeFileSync(unit, readFileSync(unit, 'utf8').replace('$$HOME', '$HOME'));
  const made = services(await generate(units));
  expect(() => argumentsOf(made.get('ldms-samp.service'))).toThrow('systemd replaces something in $HOME');
});

testNeeding(['Quadlet'], "maestro's volume is made first, and its file is the host's", async () => {
  const made = services(await generate(join(await rendered(), 'cygnus-07')));
  const unit = made.get('ldms-maestro.service');
  expect(unit).toMatch(/^Requires=ldms-maestro-etcd-volume.service$/m);
  const words = argumentsOf(unit);
  expect(words.filter((_, at) => words[at - 1] === '-v')).toEqual([
    '/run/munge:/run/munge:ro',
    '/etc/ldms/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro',
    'systemd-ldms-maestro-etcd:/var/lib/etcd',
  ]);
});
