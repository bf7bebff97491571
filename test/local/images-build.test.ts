/** What an engine is asked to build: contexts, names, arguments, labels and the base. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { imageNames } from '../../images/build/images.ts';
import { commit, otherArch, withDocker } from '../support/images.ts';
import { testNeeding } from '../support/needs.ts';

test('all images: each its own context, arguments, names and log, and one time', async () => {
  const builder = withDocker({
    build: 'stat -c %Y "$context" "$context"/* | sort -u >"${context%/dist/*}/site/time-$image"',
  });
  const env = { ...builder.env, SOURCE_DATE_EPOCH: '86399' };
  const { code, stderr } = await builder.run(['build'], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

  const contexts = ['common', ...imageNames].map((image) => builder.asked(image)?.at(-1) ?? '');
  const [work = ''] = contexts.map(dirname);
  expect(dirname(work)).toBe(builder.place);
  expect(contexts).toEqual(['common', ...imageNames].map((image) => join(work, image)));
  const ask = (image: string, ...args: string[]) => [
    ...['docker', 'build', '--force-rm'],
    ...[`--tag=ovishpc/ldms-${image}:latest`, `--tag=ovishpc/ldms-${image}:latest-${hostArch()}`],
    ...args.map((arg) => `--build-arg=${arg}`),
    `--label=${inputs(image)}`,
    join(work, image),
  ];
  /** The label that tells what it was made from; each has its own. */
  const inputs = (image: string) =>
    builder
      .asked(image)
      ?.find((word) => word.includes('.inputs='))
      ?.replace('--label=', '') ?? 'none';
  const all = ['common', ...imageNames].map(inputs);
  expect(new Set(all).size).toBe(all.length);
  for (const each of all) expect(each).toMatch(/^com\.github\.ovis-hpc\.inputs=[0-9a-f]{64}$/);
  const labels = ['VERSION=9.8.7', 'REVISION=unknown', 'CREATED=1970-01-01T23:59:59Z'];
  expect(builder.asked('common')).toEqual(ask('common', 'BASE_IMAGE=debian:bookworm-slim'));
  for (const image of imageNames.filter((name) => name !== 'grafana')) {
    expect(builder.asked(image)).toEqual(ask(image, 'COMMON_IMAGE=ovishpc/ldms-common:latest', ...labels));
  }
  expect(builder.asked('grafana')).toEqual(
    ask('grafana', 'GRAFANA_IMAGE=docker.io/grafana/grafana-oss:9.1.0-ubuntu', ...labels),
  );

  // Contexts have the time that the images are labelled with.
  for (const image of ['common', ...imageNames]) {
    expect(readFileSync(builder.path(`site/time-${image}`), 'utf8'), image).toBe('86399\n');
  }
  expect(readdirSync(builder.place)).toEqual(['log']);
  expect(readdirSync(join(builder.place, 'log')).sort()).toEqual(
    ['common.log', 'entrypoint.log', ...imageNames.map((name) => `${name}.log`)].sort(),
  );
});

test('the names, the version, the base and the network that the user wants', async () => {
  const builder = withDocker();
  const words = ['--tag=4.4.4', '--namespace=example.org/hpc', '--base-image=mine:1', '--grafana-image=g:2'];
  const { code, stdout } = await builder.run([
    ...['build', 'samp', 'grafana', ...words, '--network=slirp', '--no-cache'],
  ]);
  expect(code).toBe(0);
  expect(stdout).toContain(`docker 20.10.24, ${hostArch()}, from mine:1\n`);
  expect(builder.asked('common')).toEqual(
    expect.arrayContaining([
      '--no-cache',
      '--network=slirp',
      '--tag=example.org/hpc/ldms-common:4.4.4',
      '--build-arg=BASE_IMAGE=mine:1',
    ]),
  );
  expect(builder.asked('samp')).toEqual(
    expect.arrayContaining([
      '--tag=example.org/hpc/ldms-samp:4.4.4',
      `--tag=example.org/hpc/ldms-samp:4.4.4-${hostArch()}`,
      '--build-arg=COMMON_IMAGE=example.org/hpc/ldms-common:4.4.4',
      '--build-arg=VERSION=4.4.4',
    ]),
  );
  expect(builder.asked('grafana')).toContain('--build-arg=GRAFANA_IMAGE=g:2');
});

testNeeding(['git'], "git's commit, and its time", async () => {
  const builder = withDocker();
  const { revision, time } = await commit(builder);
  const args = async (SOURCE_DATE_EPOCH: string) => {
    rmSync(builder.path('kept'));
    const env = { ...builder.env, SOURCE_DATE_EPOCH };
    const { code, stdout } = await builder.run(['build', 'samp'], { env });
    expect(code, stdout).toBe(0);
    return builder.asked('samp');
  };
  expect(time.toISOString()).toBe('2022-04-15T05:20:00.000Z');
  // Empty is as good as none.
  expect(await args('')).toEqual(
    expect.arrayContaining([`--build-arg=REVISION=${revision}`, '--build-arg=CREATED=2022-04-15T05:20:00Z']),
  );
  // An OVIS tree in the checkout is none of git's, and changes nothing.
  builder.write('ovis/bin/tool', '');
  expect(await args('86399')).toEqual(
    expect.arrayContaining([`--build-arg=REVISION=${revision}`, '--build-arg=CREATED=1970-01-01T23:59:59Z']),
  );
  builder.write('images/ldms-samp/Dockerfile', 'FROM scratch\n');
  expect(await args('')).toContain(`--build-arg=REVISION=${revision}-dirty`);
});

test('docker without a network of its own builds on that of the host, and says so', async () => {
  const builder = withDocker({ network: 'echo "Error: No such network: bridge" >&2; exit 1' });
  const { code, stdout } = await builder.run(['build', 'samp']);
  expect(code).toBe(0);
  expect(stdout).toContain(`docker 20.10.24, ${hostArch()}, network host (there is no other), from `);
  for (const image of ['common', 'samp']) expect(builder.asked(image)).toContain('--network=host');
});

test('the proxies, by name: their values are in no command line', async () => {
  const builder = withDocker();
  const env = { ...builder.env, http_proxy: 'http://user:secret@proxy.example', NO_PROXY: '' };
  const { code, stdout } = await builder.run(['build', 'samp'], { env });
  expect(code).toBe(0);
  const args = builder.asked('samp')?.filter((word) => word.startsWith('--build-arg='));
  expect(args?.slice(-2)).toEqual(['--build-arg=CREATED=1970-01-01T00:00:00Z', '--build-arg=http_proxy']);
  const log = readFileSync(join(builder.place, 'log/samp.log'), 'utf8');
  expect(log).toContain('--build-arg=http_proxy');
  expect(`${stdout}${log}${builder.kept()}`).not.toContain('secret');
});

describe('the base', () => {
  const official = 'debian:bookworm-slim';
  const made = 'localhost/ldms-debian:bookworm-slim';

  test.each([
    ['both are there: the official one', [official, made], official],
    ['the one that `base` has made', [made], made],
  ])('%s', async (_, there, base) => {
    const builder = withDocker();
    for (const name of there) builder.have(name, { size: 1, layers: ['base'] });
    const { stdout } = await builder.run(['build', 'dev']);
    expect(stdout).toContain(`, from ${base}\n`);
    expect(builder.asked('common')).toContain(`--build-arg=BASE_IMAGE=${base}`);
  });

  test('another architecture: its own base and platform, and names that tell it alone', async () => {
    const builder = withDocker();
    // One for this machine is as good as none.
    builder.have(official, { size: 1, layers: ['base'] });
    builder.have(`${made}-${otherArch}`, { size: 1, layers: ['base'], arch: otherArch });
    const { code, stdout } = await builder.run(['build', 'samp', 'grafana', `--arch=${otherArch}`]);
    expect(code, stdout).toBe(0);
    expect(builder.asked('common')).toContain(`--build-arg=BASE_IMAGE=${made}-${otherArch}`);
    const place = builder.path(`dist/images/${otherArch}`);
    for (const image of ['common', 'samp', 'grafana']) {
      const words = builder.asked(image) ?? [];
      expect(words).toContain(`--platform=linux/${otherArch}`);
      expect(words.filter((word) => word.startsWith('--tag='))).toEqual([
        `--tag=ovishpc/ldms-${image}:latest-${otherArch}`,
      ]);
      expect(words.at(-1)).toMatch(new RegExp(`^${place}/build\\.\\w+/${image}$`));
    }
    expect(readdirSync(place)).toEqual(['log']);
    expect(builder.asked('samp')).toContain(
      `--build-arg=COMMON_IMAGE=ovishpc/ldms-common:latest-${otherArch}`,
    );
    expect(stdout).toContain(`ovishpc/ldms-samp:latest-${otherArch} `);
  });
});
