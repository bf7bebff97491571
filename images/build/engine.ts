/** The programs that build and keep images: docker, podman or buildah. */
import { type ExecaError, execa } from 'execa';
import { BuilderError } from './problem.ts';

/** The engines there can be, in the order in which they are looked for. */
export const engineNames = ['docker', 'podman', 'buildah'] as const;
export type EngineName = (typeof engineNames)[number];

/** An engine that answers. */
export interface Engine {
  readonly name: EngineName;
  /** Its version, as it tells it. */
  readonly version: string;
  /** The directory that images are kept in, if it is on this machine. */
  readonly store: string | undefined;
  /** Whether containers have a network of their own; else the host's is all that there is. */
  readonly hasNetwork: boolean;
  /** Whether it runs as its caller, and not as root: root inside is the caller outside. */
  readonly rootless: boolean;
  /** Why those that are looked for before it are not used, where they are installed. */
  readonly passedOver: readonly string[];
  /** Ends what it is asked about, once it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** An image as an engine keeps it. */
export interface StoredImage {
  readonly id: string;
  /** In bytes, layers that others have too included. */
  readonly size: number;
  /** The digests of its layers, the lowest first. */
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly arch: string;
}

/** What is asked of an engine to build an image. */
export interface BuildRequest {
  readonly context: string;
  readonly tags: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  /** Labels besides the recipe's own. */
  readonly labels: Readonly<Record<string, string>>;
  /** `linux/arm64`; undefined for this machine's. */
  readonly platform: string | undefined;
  readonly network: string | undefined;
  readonly noCache: boolean;
  /**
   * The time that podman and buildah give all files of the layers that they make, in seconds since the epoch;
   * the present if left out. docker has no such option.
   */
  readonly created?: number;
}

/**
 * Finds the engine to use.
 *
 * @param wanted the one that the user chose; else the first that answers
 * @param signal ends the search, and whatever is asked of the engine later, with its reason
 * @throws BuilderError if there is none, with what each of them said
 */
export async function findEngine(wanted: EngineName | undefined, signal?: AbortSignal): Promise<Engine> {
  const failures: string[] = [];
  for (const name of wanted ? [wanted] : engineNames) {
    const found = await ask(name, signal);
    signal?.throwIfAborted();
    if (typeof found !== 'string') return { ...found, passedOver: failures.filter(isInstalled), signal };
    failures.push(`cannot use ${name}: ${found}`);
  }
  const none = 'no container engine can be used; install docker, podman or buildah';
  const installed = failures.filter(isInstalled);
  if (wanted) throw new BuilderError('unavailable', failures);
  throw new BuilderError('unavailable', installed.length > 0 ? installed : [none]);
}

const notInstalled = 'it is not installed';
const isInstalled = (failure: string): boolean => !failure.endsWith(notInstalled);

/** What an engine tells of itself, or why it cannot be used. */
async function ask(
  name: EngineName,
  signal: AbortSignal | undefined,
): Promise<Omit<Engine, 'passedOver'> | string> {
  const options = { timeout: 20_000, ...(signal && { cancelSignal: signal }) };
  try {
    if (name === 'docker') {
      // The version is the server's: without one, the client answers this with an error.
      const { stdout } = await execa('docker', ['info', '--format', '{{json .}}'], options);
      const info = JSON.parse(stdout) as {
        ServerVersion?: string;
        DockerRootDir?: string;
        ServerErrors?: string[];
        Plugins?: { Network?: string[] };
        SecurityOptions?: string[];
        host?: object;
      };
      // As the package podman-docker has it.
      if (info.host) return 'it is podman under another name; use that: --engine podman';
      if (!info.ServerVersion)
        return `${info.ServerErrors?.[0] ?? 'its daemon does not answer'}; start it: systemctl start docker`;
      const bridge = await execa('docker', ['network', 'inspect', 'bridge'], { ...options, reject: false });
      return {
        name,
        version: info.ServerVersion,
        store: info.DockerRootDir,
        hasNetwork: bridge.exitCode === 0,
        rootless: info.SecurityOptions?.includes('name=rootless') ?? false,
      };
    }
    const words = ['info', '--format', 'json'].slice(0, name === 'buildah' ? 1 : 3);
    const { stdout } = await execa(name, words, options);
    const info = JSON.parse(stdout) as {
      store?: { graphRoot?: string; GraphRoot?: string };
      version?: { Version?: string };
    };
    const version =
      info.version?.Version ??
      (await execa(name, ['--version'], options)).stdout.replace(/^\S+ version (\S+).*/s, '$1');
    return {
      name,
      version,
      store: info.store?.graphRoot ?? info.store?.GraphRoot,
      hasNetwork: true,
      rootless: process.getuid?.() !== 0,
    };
  } catch (error) {
    const { code, stderr, shortMessage, message } = error as ExecaError;
    if (code === 'ENOENT') return notInstalled;
    const [line] = String(stderr ?? '')
      .trim()
      .split('\n');
    const said = line || (shortMessage ?? message);
    if (name !== 'docker') return said;
    return /permission denied/i.test(said)
      ? `${said}; join the group docker, or use sudo`
      : `${said}; start it: systemctl start docker`;
  }
}

/** The command line that builds an image. */
export function buildCommand({ name }: Pick<Engine, 'name'>, request: BuildRequest): readonly string[] {
  const { context, tags, args, labels, platform, network, noCache, created } = request;
  return [
    name,
    'build',
    // OCI's own format has no health check.
    ...(name === 'docker' ? ['--force-rm'] : ['--format=docker', '--layers', '--force-rm']),
    ...(name !== 'docker' && created !== undefined ? [`--timestamp=${created}`] : []),
    ...(noCache ? ['--no-cache'] : []),
    ...(network ? [`--network=${network}`] : []),
    ...(platform ? [`--platform=${platform}`] : []),
    ...tags.map((tag) => `--tag=${tag}`),
    ...Object.entries(args).map(([key, value]) => `--build-arg=${key}=${value}`),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    ...proxies.filter((key) => process.env[key]).map((key) => `--build-arg=${key}`),
    context,
  ];
}

// Predefined arguments: they do not stay in the image.
const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** How an engine is asked about its images. */
type Asked = Pick<Engine, 'name' | 'signal'>;

/** An image that the engine has; undefined if it has none of that name. */
export async function inspectImage(engine: Asked, image: string): Promise<StoredImage | undefined> {
  if (engine.name === 'buildah') return inspectWithBuildah(engine, image);
  const stdout = await answer(engine, ['image', 'inspect', image]);
  if (stdout === undefined) return undefined;
  const [found] = JSON.parse(stdout) as [
    {
      Id: string;
      Size: number;
      Architecture: string;
      RootFS: { Layers?: string[] };
      Config?: { Labels?: Record<string, string> | null };
    },
  ];
  return {
    id: found.Id,
    size: found.Size,
    layers: found.RootFS.Layers ?? [],
    labels: found.Config?.Labels ?? {},
    arch: found.Architecture,
  };
}

async function inspectWithBuildah(engine: Asked, image: string): Promise<StoredImage | undefined> {
  const stdout = await answer(engine, ['inspect', '--type', 'image', image]);
  if (stdout === undefined) return undefined;
  const { FromImageID, Docker } = JSON.parse(stdout) as {
    FromImageID: string;
    Docker: {
      architecture: string;
      rootfs: { diff_ids: string[] };
      config: { Labels?: Record<string, string> | null };
    };
  };
  return {
    id: FromImageID,
    size: Number.NaN,
    layers: Docker.rootfs.diff_ids,
    labels: Docker.config.Labels ?? {},
    arch: Docker.architecture,
  };
}

/** What an engine prints; undefined if it fails. */
async function answer({ name, signal }: Asked, words: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await execa(name, words, {
    reject: false,
    ...(signal && { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  return exitCode === 0 ? stdout : undefined;
}

/** The command line that has an engine take images from an archive as `docker save` makes them. */
export const loadCommand = ({ name }: Pick<Engine, 'name'>, archive: string): readonly string[] =>
  name === 'buildah'
    ? ['buildah', 'pull', `docker-archive:${archive}`]
    : [name, 'load', `--input=${archive}`];
