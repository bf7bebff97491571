/** Compose files: what stands in them, and how it is written. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { compose } from '../../src/cluster/render/compose.ts';
import { withRegistry } from '../../src/cluster/render/registry.ts';
import { origin, type Rendering } from '../../src/cluster/render/rendering.ts';
import { block } from '../../src/cluster/render/yaml.ts';
import { cygnus } from '../support/clusters.ts';

type Project = { services: Record<string, Record<string, unknown>>; volumes?: unknown };

const textOf = (rendering: Rendering, path: string): string => {
  const file = compose.render(rendering).find((each) => each.path === path);
  if (!file) throw new Error(`${path} is not rendered`);
  return file.text;
};
const project = (rendering: Rendering, node: string): Project =>
  parse(textOf(rendering, `${node}/compose.yaml`));

const munge = { type: 'bind', source: '/run/munge', target: '/run/munge', read_only: true };
const always = { restart: 'unless-stopped', stop_grace_period: '10s', network_mode: 'host' };
const least = { cap_drop: ['ALL'], security_opt: ['no-new-privileges'], read_only: true };
const rdma = { devices: ['/dev/infiniband:/dev/infiniband'], ulimits: { memlock: -1 } };

test("a compute node's file is what a person would write", async () => {
  expect(
    textOf(await cygnus(), 'cygnus-02/compose.yaml'),
  ).toBe(`# The containers of cygnus-02: docker compose up -d, or docker-compose, or podman-compose, in this directory.
# ${origin}
services:
  samp:
    image: docker.io/ovishpc/ldms-samp:latest
    container_name: samp
    restart: unless-stopped
    stop_grace_period: "10s"
    network_mode: host
    pid: host
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: [no-new-privileges]
    read_only: true
    devices:
      - /dev/infiniband:/dev/infiniband
    ulimits:
      memlock: -1
    environment:
      COMPONENT_ID: "2"
    volumes:
      - type: bind
        source: /run/munge
        target: /run/munge
        read_only: true
    command: ["-x", "rdma:411", "-a", "munge"]
`);
});

test('each container has the privileges and mounts of its image, and no more', async () => {
  const { services, volumes } = project(await cygnus(), 'cygnus-07');
  expect(Object.keys(services)).toEqual(['agg', 'maestro', 'ui', 'grafana']);
  expect(services['agg']).toEqual({
    image: 'docker.io/ovishpc/ldms-agg:latest',
    container_name: 'agg',
    ...always,
    ...least,
    cap_add: ['NET_BIND_SERVICE', 'SETUID', 'SETGID', 'KILL'],
    tmpfs: ['/run'],
    ...rdma,
    environment: { LDMS_ENTRYPOINT_DSOSD: '1' },
    volumes: [munge, { type: 'bind', source: '/store', target: '/store' }, './dsosd.json:/etc/dsosd.json:ro'],
    command: ['-x', 'rdma:411', '-a', 'munge'],
  });
  expect(services['maestro']).toEqual({
    image: 'docker.io/ovishpc/ldms-maestro:latest',
    container_name: 'maestro',
    ...always,
    ...least,
    tmpfs: ['/run', '/tmp'],
    ...rdma,
    volumes: [munge, './ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro', 'ldms-maestro-etcd:/var/lib/etcd'],
  });
  expect(volumes).toEqual({
    'ldms-maestro-etcd': { name: 'ldms-maestro-etcd' },
    'ldms-grafana-data': { name: 'ldms-grafana-data' },
  });
});

test('a host gets the files that its containers mount, beside its compose.yaml', async () => {
  const paths = compose.render(await cygnus()).map(({ path }) => path);
  expect(paths.filter((path) => path.startsWith('cygnus-07/'))).toEqual(
    ['compose.yaml', 'dsosd.json', 'ldms_cfg.yaml', 'dsosd.conf', 'settings.py'].map(
      (name) => `cygnus-07/${name}`,
    ),
  );
  expect(paths.filter((path) => path.startsWith('cygnus-01/'))).toEqual(['cygnus-01/compose.yaml']);
});

test("files in a directory of the hosts', and a key in place of the host's munge", async () => {
  const rendering = await cygnus({ files: '/etc/ldms', mungeKey: '/etc/munge/munge.key' });
  const { maestro } = project(rendering, 'cygnus-07').services;
  expect(maestro?.['volumes']).toEqual([
    { type: 'bind', source: '/etc/munge/munge.key', target: '/etc/munge/munge.key', read_only: true },
    { type: 'bind', source: '/etc/ldms/ldms_cfg.yaml', target: '/etc/ldms_cfg.yaml', read_only: true },
    'ldms-maestro-etcd:/var/lib/etcd',
  ]);
  expect(maestro?.['cap_add']).toEqual(['SETUID', 'SETGID', 'KILL', 'CHOWN', 'DAC_OVERRIDE']);
});

test('all privileges, if the site wants them: then nothing else is said of them', async () => {
  const { samp } = project(await cygnus({ privileged: true }), 'cygnus-01').services;
  expect(samp).toMatchObject({ privileged: true, pid: 'host' });
  for (const key of ['cap_drop', 'cap_add', 'security_opt', 'read_only', 'tmpfs', 'devices']) {
    expect(samp, key).not.toHaveProperty(key);
  }
});

test('what means something in YAML, or to Compose, is taken as it stands', async () => {
  const options = ['a b', '$HOME ${X}', '100%', '#', "it's", 'q"q', '\\ \t', 'no', '1e3', 'a: b', '\u0085é'];
  const rendering = await cygnus({ sampOptions: options, mungeKey: '/a $b: #c/key' });
  const text = textOf(rendering, 'cygnus-01/compose.yaml');
  for (const version of ['1.1', '1.2'] as const) {
    const { samp } = (parse(text, { version }) as Project).services;
    expect(samp?.['command'], `YAML ${version}`).toEqual(
      ['-x', 'rdma:411', '-a', 'munge', ...options].map((option) => option.replaceAll('$', '$$$$')),
    );
    expect(samp?.['volumes']).toMatchObject([{ source: '/a $$b: #c/key' }]);
  }
  // PyYAML refuses it as it is.
  expect(text).toContain('\\u0085é');
});

test('no line ends in a blank, and each file tells what it was made from', async () => {
  for (const { path, text } of compose.render(await cygnus())) {
    expect(text, path).not.toMatch(/[ \t]$/m);
    if (path.endsWith('compose.yaml')) expect(text.split('\n')[1]).toBe(`# ${origin}`);
  }
});

test('what to type next is one line', async () => {
  expect(compose.next('my out', await cygnus())).toBe(
    "on each host, with its directory copied there: cd 'my out/HOST' && docker compose up -d",
  );
});

test.each([
  ['ovishpc/ldms-samp:latest', 'docker.io/ovishpc/ldms-samp:latest'],
  ['localhost/a/b', 'localhost/a/b'],
  ['registry.example.org/b:1', 'registry.example.org/b:1'],
  ['registry:5000/b', 'registry:5000/b'],
  ['b:1', 'docker.io/b:1'],
])('%s is %s with its registry', (image, named) => {
  expect(withRegistry(image)).toBe(named);
});

test('YAML: texts that other versions take for something else are quoted, and long lists are broken', () => {
  const value = {
    text: 'plain',
    no: 'no',
    number: 1,
    short: ['a', 'b:c'],
    long: Array.from({ length: 30 }, (_, at) => `item-${at}`),
    mapping: { list: [{ a: '1', b: true }, 'x y'] },
  };
  expect(parse(block(value).join('\n'), { version: '1.1' })).toEqual(value);
  expect(block(value).slice(0, 6)).toEqual([
    'text: plain',
    '"no": "no"',
    'number: 1',
    'short: ["a", "b:c"]',
    'long:',
    '  - item-0',
  ]);
});
