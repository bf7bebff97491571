/** Containers of a real engine, from the images that test/container/setup.ts has built. */
import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { ImageName } from '../../images/build/images.ts';
import type { Result } from './program.ts';
import { until } from './program.ts';

/** What the tests' images are called: never as a user's own are. */
export const namespace = 'localhost/ldms-test';
export const imageOf = (name: ImageName | 'common'): string => `${namespace}/ldms-${name}:latest`;
/** The stand-in for grafana's own image. */
export const grafanaStandin = `${namespace}/grafana-standin:latest`;

/**
 * What takes the place of `--privileged` where that is refused, as on a machine without
 * CAP_SYS_RESOURCE; `--privileged` itself where it can be had.
 */
export const privileged: readonly string[] = mayBePrivileged()
  ? ['--privileged']
  : ['--cap-add=ALL', '--cap-drop=SYS_RESOURCE', '--security-opt', 'seccomp=unconfined'];

/** What podman needs where crun does not run, and the limits cannot be raised. */
export const podmanOptions: readonly string[] = [
  '--runtime=runc',
  '--ulimit=nofile=20000:20000',
  '--ulimit=nproc=1000:1000',
];

/** Whether we have every capability that the kernel knows (capabilities(7)). */
function mayBePrivileged(): boolean {
  const [, mask = '0'] = /^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const last = BigInt(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8').trim());
  return BigInt(`0x${mask}`) === (1n << (last + 1n)) - 1n;
}

/** What docker tells of a container. */
export interface State {
  readonly status: string;
  readonly running: boolean;
  /** On the host. */
  readonly pid: number;
  readonly exitCode: number;
  readonly restarts: number;
  readonly health: string | undefined;
  /** What the last health check said. */
  readonly healthSaid: string;
}

/** A container; it is removed when its test has finished. */
export interface Container {
  readonly id: string;
  readonly name: string;
  state(): Promise<State>;
  logs(): Promise<{ stdout: string; stderr: string }>;
  /** Runs a command in it, without a shell. */
  exec(words: readonly string[], input?: string): Promise<Result>;
  /** `docker stop`, with docker's own patience; how long it took, in milliseconds. */
  stop(): Promise<number>;
  docker(...words: string[]): Promise<Result>;
  /** What runs in it, as `ps` shows it: the command lines, the leader process first. */
  commandLines(): Promise<string[]>;
}

let count = 0;

/** Runs docker, or another engine, to the end. */
export async function engine(words: readonly string[], input?: string, name = 'docker'): Promise<Result> {
  const { exitCode, stdout, stderr } = await execa(name, words, {
    reject: false,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  return { code: exitCode ?? -1, stdout, stderr };
}

/** The host's network, unless another is chosen. */
const network = (options: readonly string[]): string[] =>
  options.some((option) => option.startsWith('--network=')) ? [] : ['--network=host'];

/** `docker run` to the end: for a container that ends by itself. */
export const runToEnd = (
  options: readonly string[],
  image: string,
  args: readonly string[] = [],
): Promise<Result> => engine(['run', '--rm', ...network(options), ...options, image, ...args]);

/**
 * `docker run -d --network=host …`.
 *
 * @param options what stands before the image's name
 * @param args what stands behind it
 */
export async function startContainer(
  options: readonly string[],
  image: string,
  args: readonly string[] = [],
  by = 'docker',
): Promise<Container> {
  const given = options.find((option) => option.startsWith('--name='))?.slice('--name='.length);
  const name = given ?? `ldms-test-${process.pid}-${++count}`;
  const words = [
    'run',
    '-d',
    ...(given ? [] : [`--name=${name}`]),
    ...network(options),
    ...options,
    image,
    ...args,
  ];
  onTestFinished(async () => {
    await engine(['rm', '-f', '-v', name], undefined, by);
  });
  const { code, stdout, stderr } = await engine(words, undefined, by);
  if (code !== 0) throw new Error(`${by} ${words.join(' ')}: exit code ${code}: ${stderr}`);
  return containerOf(stdout.trim(), name, by);
}

function containerOf(id: string, name: string, by: string): Container {
  const docker = (...words: string[]) => engine(words, undefined, by);
  return {
    id,
    name,
    docker,
    state: async () => {
      const { stdout, stderr } = await docker('inspect', name);
      if (!stdout.startsWith('[')) throw new Error(`there is no container ${name}: ${stderr}`);
      const [{ State: state, RestartCount }] = JSON.parse(stdout);
      const health = state.Health ?? state.Healthcheck;
      return {
        status: state.Status,
        running: state.Running,
        pid: state.Pid,
        exitCode: state.ExitCode,
        restarts: RestartCount,
        health: health?.Status || undefined,
        healthSaid: health?.Log?.at(-1)?.Output ?? '',
      };
    },
    logs: () => docker('logs', name),
    exec: (words, input) =>
      engine(['exec', ...(input === undefined ? [] : ['-i']), name, ...words], input, by),
    stop: async () => {
      const begun = performance.now();
      const { code, stderr } = await docker('stop', name);
      if (code !== 0) throw new Error(`${by} stop ${name}: ${stderr}`);
      return performance.now() - begun;
    },
    commandLines: async () => {
      const { stdout } = await docker('top', name, '-eo', 'pid,args');
      return stdout
        .split('\n')
        .slice(1)
        .flatMap((line) => line.replace(/^\s*\d+\s+/, '').trim() || []);
    },
  };
}

/** Waits until what the container is for works, as `ldms-entrypoint health` in it has it. */
export async function isHealthy(container: Container): Promise<void> {
  const { name } = container;
  const said = async () => {
    const { stdout, stderr } = await container.logs();
    return `it said: ${stdout}${stderr}`;
  };
  let health = '';
  try {
    await until(`${name} is healthy`, async () => {
      const { running, exitCode } = await container.state();
      if (!running) throw new Error(`${name} has ended with ${exitCode}`);
      const { code, stdout, stderr } = await container.exec(['ldms-entrypoint', 'health']);
      health = `${stdout}${stderr}`;
      return code === 0;
    });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}; health: ${health}; ${await said()}`);
  }
}

/** Waits until a container has ended by itself. */
export async function hasEnded(container: Container): Promise<State> {
  await until(`${container.name} has ended`, async () => !(await container.state()).running);
  return container.state();
}
