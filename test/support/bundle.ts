/** Stand-ins for engines that save images: small archives, as an engine gives them, of images that are none. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { onTestFinished } from 'vitest';
import { hostArch } from '../../images/build/arch.ts';
import type { ImageName } from '../../images/build/images.ts';
import { type Builder, makeBuilder } from './images.ts';

/** What a stand-in does beside what it has to, while it saves: lines of sh. */
export interface SavingAnswers {
  readonly info?: string;
  /** When a container is to be made. */
  readonly create?: string;
  /** When a file of it is to be copied. */
  readonly copy?: string;
  /** When it is to save: the archive's path is in `$archive`. */
  readonly save?: string;
}

/** What there is to save. */
export interface Savable {
  readonly images?: readonly ImageName[];
  readonly engine?: 'docker' | 'podman';
  readonly labels?: Readonly<Record<string, string>>;
  /** What the history of each image tells of its only layer, in bytes. */
  readonly told?: number;
  /** What the archive has of it, in bytes. */
  readonly size?: number;
  readonly whenFinished?: typeof onTestFinished;
}

export const arch = hostArch() ?? 'amd64';
/** The names of an image, without those that it has for its architecture. */
export const nameOf = (image: ImageName): string => `ovishpc/ldms-${image}:latest`;
/** The configuration of an image in the archive, and its id. */
const configOf = (image: ImageName): string => JSON.stringify({ architecture: arch, about: image });
export const idOf = (image: ImageName): string => createHash('sha256').update(configOf(image)).digest('hex');

/** A builder with an engine that has images, and gives them in one archive. */
export async function withImages(
  {
    images = ['samp', 'agg'],
    engine = 'docker',
    labels = {},
    told = 200_000,
    size = told,
    whenFinished,
  }: Savable = {},
  answers: SavingAnswers = {},
): Promise<Builder> {
  const builder = makeBuilder(whenFinished);
  builder.write('package.json', '{"name": "checkout", "version": "9.8.7", "type": "module"}\n');
  builder.write('package-lock.json', '{"packages": {"": {}}}\n');
  for (const image of images) {
    for (const name of [nameOf(image), `${nameOf(image)}-${arch}`]) {
      builder.have(name, { size: told, layers: [`layer-${image}`], labels, id: `sha256:${idOf(image)}` });
    }
  }
  const archive = builder.path('archive.tar');
  writeFileSync(archive, await archiveOf(images, size, engine === 'podman' ? 'localhost/' : ''));
  builder.write('inside/var/lib/dpkg/status', status);
  builder.write('inside/usr/lib/os-release', 'ID=debian\nVERSION_ID="12"\n');
  const layer = { CreatedAt: '2022', created: '2022', CreatedBy: '$word', Size: String(told), size: told };
  const history = engine === 'docker' ? JSON.stringify(layer) : JSON.stringify([layer]);
  builder.engine(engine, {
    ...(answers.info === undefined ? {} : { info: answers.info }),
    other: `archive='${archive}'
  case $1 in
  history)
    for word; do :; done
    echo '${history}' | sed "s/[$]word/$word/"
    ;;
  create)
    ${answers.create ?? ':'}
    ;;
  cp)
    ${answers.copy ?? ':'}
    tar -C '${builder.path('inside')}' -cf - ".\${2#*:}"
    ;;
  save)
    ${answers.save ?? 'cat "$archive"'}
    ;;
  esac`,
  });
  return builder;
}

const status = `Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134
`;

/** An archive of images as an engine gives it. */
async function archiveOf(images: readonly ImageName[], size: number, prefix: string): Promise<Buffer> {
  const tar = pack();
  for (const image of images) {
    tar.entry({ name: `${image}/layer.tar` }, noise(image, size));
    tar.entry({ name: `${idOf(image)}.json` }, configOf(image));
  }
  const list = images.map((image) => ({
    Config: `${idOf(image)}.json`,
    RepoTags: [`${prefix}${nameOf(image)}`, `${prefix}${nameOf(image)}-${arch}`],
    Layers: [`${image}/layer.tar`],
  }));
  tar.entry({ name: 'manifest.json' }, JSON.stringify(list));
  tar.finalize();
  return buffer(tar);
}

/** Bytes that cannot be compressed, and are the same each time. */
const noise = (seed: string, size: number): Buffer =>
  createHash('shake256', { outputLength: size }).update(seed).digest();
