/** The build image, and what runs in containers of it. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Arch, hostArch } from '../arch.ts';
import { quote } from '../config/shell.ts';
import { type Engine, inspectImage } from '../engine.ts';
import type { Tools } from '../steps.ts';
import { cacheOf } from './place.ts';
import { readJson, writeJson } from './record.ts';

/** What is run in a container. */
export interface Job {
  readonly engine: Engine;
  readonly image: string;
  readonly arch: Arch;
  /** The container's name. */
  readonly name: string;
  /** Undefined for the engine's own. */
  readonly network: string | undefined;
  /** Directories of this machine by where they are in the container; `:ro` behind the latter may be. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** Marks our containers: the value is the folder that they work in. */
const mark = 'com.github.ovis-hpc.builds-in';
/** The seconds that a build has to remove what is half made. */
const graceSeconds = 10;
// By name alone, without a value: what may be secret stands in no command line and no log.
const passedOn = [
  ...['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
  // npm hands a site's own on to what it runs.
  'npm_config_registry',
];

/**
 * Why an engine cannot be used for building from sources, as a sentence; undefined if it can.
 *
 * @param env for DOCKER_HOST (https://docs.docker.com/reference/cli/docker/#environment-variables)
 */
export function wrongWithEngine({ name }: Engine, env: NodeJS.ProcessEnv): string | undefined {
  if (name === 'buildah')
    return 'OVIS and dsosds are built in containers, which buildah does not start; use docker or podman';
  const [variable, host = ''] =
    name === 'docker' ? ['DOCKER_HOST', env['DOCKER_HOST']] : ['CONTAINER_HOST', env['CONTAINER_HOST']];
  if (!/^(tcp|ssh|https?):/.test(host)) return undefined;
  return `${variable}=${host}: OVIS and dsosds are built in directories of this machine, which an engine on another does not see; build there, or unset ${variable}`;
}

/** Runs a job to its end; throws if it fails. No container is left. */
export async function runInContainer(job: Job, { command, signal }: Tools): Promise<void> {
  const { engine, name } = job;
  let failed = '';
  const hear = (line: string) => {
    failed = /^failed: (.*)/.exec(line)?.[1] ?? failed;
  };
  try {
    const own = [`--name=${name}`, `--label=${mark}=${cacheOf(job.arch)}`];
    const words = [engine.name, 'run', '--rm', ...own, ...optionsOf(job), ...commandOf(job)];
    await command(words, undefined, hear);
  } catch (error) {
    throw failed ? new Error(`failed: ${failed}`) : error;
  } finally {
    // The client may have been faster to end than what it has started.
    if (signal.aborted) await stop(job);
  }
}

/** The command for a person who wants to look inside of where a job worked. */
export function lookInside(job: Job): string {
  const words = [job.engine.name, 'run', '-it', '--rm', ...optionsOf({ ...job, env: {} })];
  return [...words, '--entrypoint=bash', job.image].map(quote).join(' ');
}

function optionsOf({ engine, network, mounts, directory, env, arch }: Job): string[] {
  return [
    // A site's default may be a process before ours, which would hand signals to ours alone.
    '--init=false',
    ...(network ? [`--network=${network}`] : []),
    ...(arch === hostArch() ? [] : [`--platform=linux/${arch}`]),
    ...userOf(engine),
    // Where there is SELinux, it would keep the mounts from containers, or have the files marked for good.
    '--security-opt=label=disable',
    ...Object.entries(mounts).map(([inside, outside]) => volume(outside, inside)),
    `--workdir=${directory}`,
    ...Object.entries(env).map(([key, value]) => `--env=${key}=${value}`),
    ...passedOn.filter((key) => process.env[key]).map((key) => `--env=${key}`),
  ];
}

const commandOf = ({ image, command: [program = '', ...args] }: Job): string[] => [
  `--entrypoint=${program}`,
  image,
  ...args,
];

const volume = (outside: string, inside: string): string => `--volume=${outside}:${inside}`;

/**
 * As the caller, who owns what is made then. Where the engine runs as the caller itself, root inside is
 * the caller outside.
 */
function userOf({ name, rootless }: Engine): string[] {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return name === 'docker' && !rootless ? [`--user=${uid}:${gid}`] : [];
}

/** Removes the containers that a builder that was killed has left running; they would go on writing where we do. */
export async function removeLeftContainers(engine: Engine, arch: Arch): Promise<void> {
  const filter = `--filter=label=${mark}=${cacheOf(arch)}`;
  const { stdout } = await execa(engine.name, ['ps', '--all', '--quiet', filter], { reject: false });
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await execa(engine.name, ['rm', '--force', ...ids], { reject: false });
}

async function stop({ engine, name }: Job): Promise<void> {
  await execa(engine.name, ['stop', `--time=${graceSeconds}`, name], { reject: false });
  await execa(engine.name, ['rm', '--force', name], { reject: false });
}

/** What a build image is, as far as what is built in it depends on it. */
export interface Toolchain {
  readonly image: string;
  readonly id: string;
  /** The digest of the versions of its packages. */
  readonly digest: string;
}

/** Where an image of ours has the versions of its packages (ldms-common/install). */
const packagesFile = '/usr/local/share/ldms-images/packages.txt';

/**
 * Asks the build image for its packages. Two images with the same ones build the same, whatever else is
 * in their layers; one that does not tell is itself only.
 *
 * @returns undefined if there is no such image
 */
export async function toolchainOf(
  engine: Engine,
  image: string,
  arch: Arch,
  signal: AbortSignal,
): Promise<Toolchain | undefined> {
  const found = await inspectImage(engine, image);
  if (!found) return undefined;
  const file = join(cacheOf(arch), 'toolchain.json');
  const known = readJson(file) as Toolchain | undefined;
  if (known?.id === found.id) return { ...known, image };
  const { exitCode, stdout } = await execa(
    engine.name,
    ['run', '--rm', '--network=none', '--entrypoint=cat', image, packagesFile],
    { reject: false, cancelSignal: signal },
  );
  signal.throwIfAborted();
  const digest = exitCode === 0 ? createHash('sha256').update(stdout).digest('hex') : found.id;
  const toolchain = { image, id: found.id, digest };
  mkdirSync(cacheOf(arch), { recursive: true });
  writeJson(file, toolchain);
  return toolchain;
}
