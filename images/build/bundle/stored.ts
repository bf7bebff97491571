/** The images that are to be saved, as the engine has them. */
import { execa } from 'execa';
import { type Arch, hostArch } from '../arch.ts';
import type { Engine } from '../engine.ts';
import type { ImageName } from '../images.ts';
import { tagsOf } from '../names.ts';
import type { Options } from '../options.ts';
import { BuilderError } from '../problem.ts';

/** What of the command line says which images are meant. */
export type Wanted = Pick<Options, 'images' | 'namespace' | 'tag' | 'arch'>;

/** How an engine is asked. */
export type Asked = Pick<Engine, 'name' | 'signal'>;

/** An image to save. */
export interface Stored {
  readonly image: ImageName;
  readonly names: readonly string[];
  /** The engine's own id of it. */
  readonly id: string;
  /** In bytes, unpacked. */
  readonly size: number;
  /** The digests of its layers, the lowest first. */
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** When it was made: ISO 8601, in whole seconds. */
  readonly created: string;
}

interface Inspected extends Omit<Stored, 'image' | 'names'> {
  readonly arch: string;
}

/**
 * Looks at all of the images.
 *
 * @throws BuilderError with every one that is not there, or not what its name says
 */
export async function findStored(engine: Asked, wanted: Wanted): Promise<readonly Stored[]> {
  const looked = await Promise.all(wanted.images.map((image) => look(engine, image, wanted)));
  const wrong = looked.flatMap((each) => each.wrong);
  const found = looked.flatMap(({ stored }) => stored ?? []);
  if (found.length < looked.length && found.length > 0) {
    const words = ['save', ...found.map(({ image }) => image), ...optionsOf(wanted)];
    wrong.push(`or save those that are there: npm run images -- ${words.join(' ')}`);
  }
  if (wrong.length > 0) throw new BuilderError('input', wrong);
  return found;
}

/** Looks at one: all of its names have to be there, and of the same image. */
async function look(
  engine: Asked,
  image: ImageName,
  wanted: Wanted,
): Promise<{ readonly stored: Stored | undefined; readonly wrong: readonly string[] }> {
  const names = tagsOf(image, wanted);
  const builds = `npm run images -- ${['build', image, ...optionsOf(wanted)].join(' ')}`;
  const told = await Promise.all(names.map((name) => inspect(engine, name)));
  const at = told.findIndex((each) => each !== undefined);
  const [there, first] = [told[at], names[at]];
  if (!there) return { stored: undefined, wrong: [`${engine.name} has no image ${names[0]}: ${builds}`] };
  const { arch, ...stored } = there;
  const others = names.flatMap((name, index) => {
    if (told[index]?.id === there.id) return [];
    const what = told[index] ? 'is another image than' : 'is not there, and it is another name of';
    return [`${name} ${what} ${first}: ${engine.name} tag ${first} ${name}`];
  });
  const wrong =
    arch === wanted.arch ? others : [`${first} is for ${arch}, and not for ${wanted.arch}: ${builds}`];
  return { stored: { image, names, ...stored }, wrong };
}

/** The options that name the same images, as far as they have to be given. */
const optionsOf = ({ namespace, tag, arch }: Wanted): string[] => [
  ...(tag === 'latest' ? [] : [`--tag=${tag}`]),
  ...(namespace === 'ovishpc' ? [] : [`--namespace=${namespace}`]),
  ...(arch === hostArch() ? [] : [`--arch=${arch}`]),
];

/** What docker and podman tell of an image. */
interface Told {
  readonly Id: string;
  readonly Size: number;
  readonly Architecture: string;
  readonly Created: string;
  readonly RootFS: { readonly Layers?: readonly string[] };
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

async function inspect({ name, signal }: Asked, image: string): Promise<Inspected | undefined> {
  const { exitCode, stdout } = await execa(name, ['image', 'inspect', image], {
    reject: false,
    ...(signal && { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (exitCode !== 0) return undefined;
  const [told] = JSON.parse(stdout) as [Told];
  return {
    id: told.Id,
    size: told.Size,
    layers: told.RootFS.Layers ?? [],
    labels: told.Config?.Labels ?? {},
    arch: told.Architecture,
    created: wholeSeconds(told.Created),
  };
}

const wholeSeconds = (time: string): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** What a command line that saves them needs beside the engine: one archive, with layers that are shared in it once. */
export function saveCommand({ name }: Asked, images: readonly Stored[]): readonly string[] {
  const names = images.flatMap((image) => image.names);
  return name === 'docker'
    ? ['docker', 'save', ...names]
    : [name, 'save', '--quiet', '--multi-image-archive', '--format=docker-archive', ...names];
}

/** The platform option of an image that does not run here, without which some engines look for another. */
export const platformOption = (arch: Arch): readonly string[] =>
  arch === hostArch() ? [] : [`--platform=linux/${arch}`];
