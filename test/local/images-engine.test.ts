/** Which engine builds, and what is told of one that cannot be used. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import { type EngineName, findEngine } from '../../images/build/engine.ts';
import { type Builder, makeBuilder, withDocker } from '../support/images.ts';

const noDaemon = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock';
const start = 'start it: systemctl start docker';
// An older client tells it in its answer, a newer one in an error.
const older = `echo '${JSON.stringify({ ServerErrors: [noDaemon] })}'`;
const newer = `echo '{"ServerErrors": ["${noDaemon}"]}'; echo "${noDaemon}
errors pretty printing info" >&2; exit 1`;
const withoutDaemon: [string, string][] = [
  ['an older docker', older],
  ['a newer docker', newer],
];

describe('a command', () => {
  const commands = [['build'], ['list'], ['base']];

  test('without any engine is told so', async () => {
    const builder = makeBuilder();
    for (const words of commands) {
      expect(await builder.run(words)).toEqual({
        code: 69,
        stdout: '',
        stderr: 'error: no container engine can be used; install docker, podman or buildah\n',
      });
    }
  });

  test.each(withoutDaemon)('tells of %s that does not answer, and takes podman', async (_, answer) => {
    const builder = withDocker({ info: answer });
    builder.engine('podman');
    const { code, stdout, stderr } = await builder.run(['build', 'samp']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `cannot use docker: ${noDaemon}; ${start}\n` });
    expect(stdout).toMatch(`podman 4.3.1, ${hostArch()}, from `);
    expect(builder.asked('samp')?.slice(0, 5)).toEqual([
      ...['podman', 'build', '--format=docker', '--layers', '--force-rm'],
    ]);
    expect(builder.askedOf('docker')).toEqual(['info --format {{json .}}']);
  });

  test('ends if the engine that it was given does not answer, though another does', async () => {
    const builder = withDocker({ info: older });
    builder.engine('podman');
    for (const words of commands) {
      expect(await builder.run([...words, '--engine=docker'])).toEqual({
        code: 69,
        stdout: '',
        stderr: `error: cannot use docker: ${noDaemon}; ${start}\n`,
      });
    }
    expect(builder.askedOf('podman')).toEqual([]);
  });

  test('builds with buildah, which tells neither its version nor the size of an image', async () => {
    const builder = makeBuilder();
    builder.engine('buildah');
    const { code, stdout, stderr } = await builder.run(['build', 'grafana']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`buildah 1.28.2, ${hostArch()}\n`);
    expect(stdout).toMatch(/✔ ldms-grafana: done, /);
    expect(stdout).toMatch(/ldms-grafana:latest +\? +\? +none\n/);
    expect(builder.asked('grafana')?.slice(0, 3)).toEqual(['buildah', 'build', '--format=docker']);
  });
});

describe('what is told of', () => {
  /** The engine that is found in a builder's PATH. */
  const find = (builder: Builder, wanted?: EngineName) => {
    vi.stubEnv('PATH', builder.env['PATH']);
    onTestFinished(() => void vi.unstubAllEnvs());
    return findEngine(wanted);
  };
  const unavailable = (...sentences: unknown[]) => ({ kind: 'unavailable', sentences });

  test.each(withoutDaemon)('%s that does not answer', async (_, answer) => {
    const builder = withDocker({ info: answer });
    const told = `cannot use docker: ${noDaemon}; ${start}`;
    await expect(find(builder)).rejects.toMatchObject(unavailable(told));
    await expect(find(builder, 'docker')).rejects.toMatchObject(unavailable(told));
    builder.engine('podman');
    await expect(find(builder, 'docker')).rejects.toMatchObject(unavailable(told));
    await expect(find(builder)).resolves.toMatchObject({ name: 'podman', passedOver: [told] });
  });

  test('several that do not answer, but not of those that are not installed', async () => {
    const builder = withDocker({ info: older });
    builder.engine('buildah', { info: 'echo "cannot set up a user namespace" >&2; exit 125' });
    await expect(find(builder)).rejects.toMatchObject(
      unavailable(
        `cannot use docker: ${noDaemon}; ${start}`,
        'cannot use buildah: cannot set up a user namespace',
      ),
    );
  });

  test('one that was asked for and is not installed', async () => {
    await expect(find(withDocker(), 'podman')).rejects.toMatchObject(
      unavailable('cannot use podman: it is not installed'),
    );
  });

  test.each([
    [
      'one that this user may not use',
      'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1',
      /^cannot use docker: permission denied while .* daemon socket; join the group docker, or use sudo$/,
    ],
    [
      'podman, as podman-docker has it',
      `echo "Emulate Docker CLI using podman." >&2; echo '{"host": {"arch": "amd64"}, "version": {"Version": "4.3.1"}}'`,
      /^cannot use docker: it is podman under another name; use that: --engine podman$/,
    ],
    [
      'something else',
      'echo "not JSON"',
      /^cannot use docker: .*Unexpected token.*; start it: systemctl start docker$/,
    ],
    ['something silent', 'exit 3', /^cannot use docker: .*exit code 3.*; start it: systemctl start docker$/],
  ])('a docker that is %s', async (_, answer, told) => {
    await expect(find(withDocker({ info: answer }), 'docker')).rejects.toMatchObject(
      unavailable(expect.stringMatching(told)),
    );
  });
});
