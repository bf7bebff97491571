/** `base`: a Debian base image from a package mirror, with stand-ins for mmdebstrap and the engine. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import type { EngineName } from '../../images/build/engine.ts';
import {
  type Answers,
  type Builder,
  forLong,
  makeBuilder,
  otherArch,
  withDocker,
} from '../support/images.ts';
import { processesNaming } from '../support/machine.ts';
import { until } from '../support/program.ts';

/** A builder with an engine, and an mmdebstrap that does `text` before it makes an archive. */
async function withMmdebstrap(
  text = '',
  { engine = 'docker', ...answers }: Answers & { engine?: EngineName } = {},
): Promise<Builder> {
  const builder = makeBuilder();
  builder.engine(engine, answers);
  builder.install(
    'mmdebstrap',
    `case $1 in --version) echo 'mmdebstrap 1.3.5'; exit ;; esac
keep "time	$SOURCE_DATE_EPOCH"
${text}
for word; do case $word in *.tar) echo 'stands for a file system' >"$word" ;; esac; done`,
  );
  await builder.lend('tar');
  return builder;
}

/** Nothing is left but the log. */
const expectCleanedUp = (builder: Builder, place = builder.place) =>
  expect(readdirSync(place)).toEqual(['log']);

test('is made by mmdebstrap, and given to the engine', async () => {
  const load = 'tar --extract --directory=site --file="${2#--input=}"';
  const builder = await withMmdebstrap('', { load });
  const env = { ...builder.env, SOURCE_DATE_EPOCH: '86399' };
  const { code, stdout, stderr } = await builder.run(['base', '--mirror=http://mirror.example/debian'], {
    env,
    cwd: builder.directory,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [version, words = ''] = builder.askedOf('mmdebstrap');
  expect(version).toBe('--version');
  expect(words).toMatch(
    new RegExp(
      `^--variant=minbase --include=usr-is-merged --hook-dir=\\S+ --architectures=${hostArch()} --dpkgopt=path-exclude=/usr/share/doc/\\* .* bookworm ${builder.place}/base\\.\\w+/base\\.tar http://mirror\\.example/debian$`,
    ),
  );
  expect(words).toContain(' --dpkgopt=path-include=/usr/share/doc/*/copyright ');
  expect(words).toContain(' --aptopt=APT::Install-Recommends "false" ');
  expect(builder.kept()).toContain('time\t86399');
  expect(builder.askedOf('docker').at(-1)).toMatch(
    new RegExp(`^load --input=${builder.place}/base\\.\\w+/image\\.tar$`),
  );
  expect(archiveIn(builder.path('site'))).toEqual({
    name: 'localhost/ldms-debian:bookworm-slim',
    architecture: hostArch(),
    created: '1970-01-01T23:59:59.000Z',
    cmd: ['bash'],
    isWhole: true,
  });
  expect(stdout).toContain('localhost/ldms-debian:bookworm-slim is there: `build` takes it');
  expectCleanedUp(builder);
});

/** What an image's archive that was unpacked in a directory tells of the image. */
function archiveIn(directory: string) {
  const read = (file: string) => readFileSync(join(directory, file));
  const [{ Config, RepoTags, Layers }] = JSON.parse(read('manifest.json').toString());
  const { architecture, created, config, rootfs } = JSON.parse(read(Config).toString());
  const digests = Layers.map((layer: string) => createHash('sha256').update(read(layer)).digest('hex'));
  return {
    name: RepoTags.join(' '),
    architecture,
    created,
    cmd: config.Cmd,
    isWhole: digests.length === 1 && rootfs.diff_ids.join() === `sha256:${digests}`,
  };
}

test.each([
  ['docker', /^load --input=\S+\/image\.tar$/],
  ['podman', /^load --input=\S+\/image\.tar$/],
  ['buildah', /^pull docker-archive:\S+\/image\.tar$/],
] as const)(
  'of another release and architecture, with %s: another name, and how to build from it',
  async (engine, asked) => {
    const load = 'tar --extract --directory=site --file="${2#*[=:]}"';
    const builder = await withMmdebstrap('', { engine, load });
    const words = ['base', '--suite=trixie', `--arch=${otherArch}`];
    const { code, stdout } = await builder.run(words, { cwd: builder.directory });
    expect(code).toBe(0);
    const image = `localhost/ldms-debian:trixie-slim-${otherArch}`;
    expect(builder.askedOf('mmdebstrap').at(-1)).toMatch(
      new RegExp(
        `--architectures=${otherArch} .* trixie \\S+/dist/images/${otherArch}/base\\.\\w+/base\\.tar$`,
      ),
    );
    expect(builder.askedOf(engine).at(-1)).toMatch(asked);
    expect(archiveIn(builder.path('site'))).toMatchObject({ name: image, architecture: otherArch });
    expect(stdout).toContain(`${image} is there: build --base-image=${image}\n`);
    expectCleanedUp(builder, builder.path(`dist/images/${otherArch}`));
  },
);

test('mmdebstrap is not installed', async () => {
  const { code, stderr } = await withDocker().run(['base']);
  expect({ code, stderr }).toEqual({
    code: 69,
    stderr: 'error: mmdebstrap is not installed: apt-get install mmdebstrap\n',
  });
});

test('mmdebstrap fails', async () => {
  const builder = await withMmdebstrap("echo 'E: cannot reach the mirror' >&2; exit 25");
  const { code, stdout, stderr } = await builder.run(['base']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '❯ localhost/ldms-debian:bookworm-slim\n' });
  expect(stderr).toMatch(
    new RegExp(
      `\nerror: base: mmdebstrap --variant=minbase failed \\(exit code 25\\); its last lines, from ${builder.place}/log/base\\.log:\n(  \\| .*\n)*  \\| E: cannot reach the mirror\n$`,
    ),
  );
  expect(builder.askedOf('docker').some((words) => words.startsWith('load'))).toBe(false);
  expectCleanedUp(builder);
});

test('the engine does not take it', async () => {
  const builder = await withMmdebstrap('', { load: 'echo "no space left on device" >&2; exit 1' });
  const { code, stdout, stderr } = await builder.run(['base']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '❯ localhost/ldms-debian:bookworm-slim\n' });
  expect(stderr).toContain('error: base: docker load failed (exit code 1); its last lines');
  expect(stderr).toContain('  | no space left on device\n');
  expectCleanedUp(builder);
});

test('interrupted: mmdebstrap is ended, the archive is gone', async () => {
  const builder = await withMmdebstrap(`for word; do case $word in *.tar) echo half >"$word" ;; esac; done
trap 'exit 143' TERM
keep working
${forLong}`);
  const base = builder.start(['base']);
  await until('mmdebstrap is at work', () => builder.kept().includes('working'));
  expect(readdirSync(builder.place)).toHaveLength(2);
  base.kill('SIGINT');
  expect(await base.ended).toEqual({
    code: 130,
    stdout: '❯ localhost/ldms-debian:bookworm-slim\n',
    stderr: '✖ localhost/ldms-debian:bookworm-slim [FAILED: interrupted]\ninterrupted\n',
  });
  expect(processesNaming(builder.directory)).toEqual([]);
  expectCleanedUp(builder);
});
