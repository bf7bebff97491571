/** Units of Quadlet: what stands in them. What podman's generator makes of them: test/local/cluster-quadlet.test.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quadlet } from '../../src/cluster/render/quadlet.ts';
import { origin, type Rendering } from '../../src/cluster/render/rendering.ts';
import { verbatim, word } from '../../src/cluster/render/systemd.ts';
import { cygnus } from '../support/clusters.ts';
import { repository } from '../support/program.ts';

const textOf = (rendering: Rendering, path: string): string => {
  const file = quadlet.render(rendering).find((each) => each.path === path);
  if (!file) throw new Error(`${path} is not rendered`);
  return file.text;
};
/** The values of a key, in order. */
const values = (text: string, key: string): string[] =>
  text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));

test("a compute node's unit is what a person would write", async () => {
  expect(textOf(await cygnus(), 'cygnus-02/ldms-samp.container')).toBe(`# ${origin}
[Unit]
Description=LDMS samp on cygnus-02
After=network-online.target munge.service
Wants=network-online.target munge.service

[Container]
Image=docker.io/ovishpc/ldms-samp:latest
ContainerName=samp
Network=host
PodmanArgs=--pid=host
DropCapability=all
AddCapability=NET_BIND_SERVICE
NoNewPrivileges=true
ReadOnly=true
PodmanArgs=--read-only-tmpfs=false
AddDevice=/dev/infiniband
PodmanArgs=--ulimit=memlock=-1:-1
Environment=COMPONENT_ID=2
Volume=/run/munge:/run/munge:ro
HealthCmd=/usr/local/bin/ldms-entrypoint health
HealthInterval=60s
HealthTimeout=10s
HealthStartPeriod=10s
HealthRetries=3
Exec=-x rdma:411 -a munge

[Service]
Restart=always
RestartSec=10
# The image may have to be pulled first.
TimeoutStartSec=900
TimeoutStopSec=15

[Install]
WantedBy=multi-user.target
`);
});

test('a host gets a script, its units and volumes, and the files that its containers mount', async () => {
  const paths = quadlet.render(await cygnus()).map(({ path }) => path);
  expect(paths.filter((path) => path.startsWith('cygnus-07/'))).toEqual(
    [
      'install.sh',
      ...['agg', 'maestro', 'ui', 'grafana'].map((name) => `ldms-${name}.container`),
      'ldms-maestro-etcd.volume',
      'ldms-grafana-data.volume',
      ...['dsosd.json', 'ldms_cfg.yaml', 'dsosd.conf', 'settings.py'],
    ].map((name) => `cygnus-07/${name}`),
  );
});

test('maestro: its volume, its file, and what it writes to', async () => {
  const unit = textOf(await cygnus(), 'cygnus-07/ldms-maestro.container');
  expect(values(unit, 'Volume')).toEqual([
    '/run/munge:/run/munge:ro',
    '/etc/ldms/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro',
    'ldms-maestro-etcd.volume:/var/lib/etcd',
  ]);
  expect(values(unit, 'Tmpfs')).toEqual(['/run', '/tmp']);
  expect(values(unit, 'AddCapability')).toEqual([]);
  expect(values(unit, 'Exec')).toEqual([]);
});

test("with a key of its own a container does not wait for the host's munge", async () => {
  const rendering = await cygnus({ mungeKey: '/etc/munge/munge.key', files: '/opt/ldms' });
  const unit = textOf(rendering, 'cygnus-07/ldms-agg.container');
  expect(values(unit, 'After')).toEqual(['network-online.target']);
  expect(values(unit, 'Volume')).toEqual([
    '/etc/munge/munge.key:/etc/munge/munge.key:ro',
    '/store:/store',
    '/opt/ldms/dsosd.json:/etc/dsosd.json:ro',
  ]);
  expect(values(unit, 'AddCapability')).toEqual(['NET_BIND_SERVICE SETUID SETGID KILL CHOWN DAC_OVERRIDE']);
  expect(textOf(rendering, 'cygnus-07/install.sh')).toContain('put /opt/ldms \\\n    dsosd.json');
});

test('all privileges, if the site wants them: then nothing else is said of them', async () => {
  const unit = textOf(await cygnus({ privileged: true }), 'cygnus-01/ldms-samp.container');
  expect(values(unit, 'PodmanArgs')).toEqual(['--pid=host', '--privileged']);
  expect(unit).not.toMatch(/^(DropCapability|AddCapability|NoNewPrivileges|ReadOnly|Tmpfs|AddDevice)=/m);
});

test("a path that Volume cannot tell is a mount of podman's", async () => {
  const rendering = await cygnus({ mungeKey: '/a "b", $c 100%/key' });
  const unit = textOf(rendering, 'cygnus-01/ldms-samp.container');
  expect(values(unit, 'Volume')).toEqual([]);
  expect(values(unit, 'PodmanArgs')).toContain(
    '"--mount=type=bind,\\"source=/a \\"\\"b\\"\\", $$c 100%%/key\\",destination=/etc/munge/munge.key,readonly"',
  );
});

test("health checks are those of the images' Dockerfiles", async () => {
  const rendering = await cygnus();
  for (const { role, node } of rendering.containers) {
    const dockerfile = readFileSync(join(repository, `images/ldms-${role}/Dockerfile`), 'utf8');
    const [, options, command] = /^HEALTHCHECK (.*) CMD (.*)$/m.exec(dockerfile) ?? [];
    const unit = textOf(rendering, `${node}/ldms-${role}.container`);
    const [interval, timeout, start, retries, cmd] = [
      'Interval',
      'Timeout',
      'StartPeriod',
      'Retries',
      'Cmd',
    ].map((key) => values(unit, `Health${key}`)[0]);
    expect(`--interval=${interval} --timeout=${timeout} --start-period=${start} --retries=${retries}`).toBe(
      options,
    );
    expect(cmd?.split(' ')).toEqual(JSON.parse(command ?? ''));
  }
});

test.each([
  ['sock:411', 'sock:411'],
  ['', '""'],
  ['a b', '"a b"'],
  ['100%', '"100%%"'],
  ['$X', '"$$X"'],
  ['q"\\', '"q\\"\\\\"'],
  ['\t\n', '"\\t\\n"'],
])('%j is the word %s', (text, written) => {
  expect(word(text)).toBe(written);
});

test('what is no word keeps its quotes and blanks', () => {
  expect(verbatim('/a "b" $c%')).toBe('/a "b" $$c%%');
});

test('no line ends in a blank, and each unit tells what it was made from', async () => {
  for (const { path, text } of quadlet.render(await cygnus())) {
    expect(text, path).not.toMatch(/[ \t]$/m);
    if (/\.(container|volume)$/.test(path)) expect(text.split('\n')[0]).toBe(`# ${origin}`);
    if (path.endsWith('.sh')) expect(text).toContain(`# ${origin}`);
  }
});

test('what to type next is one line', async () => {
  expect(quadlet.next('my out', await cygnus())).toBe(
    "on each host, as root, with its directory copied there: sh 'my out/HOST/install.sh'",
  );
});
