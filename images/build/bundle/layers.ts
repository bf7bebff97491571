/** How large the images are together: layers that several of them have count once. */
import { execa } from 'execa';
import { BuilderError } from '../problem.ts';
import type { Asked, Stored } from './stored.ts';

/** One step of an image's history, which is one layer or none. */
export interface HistoryEntry {
  readonly created: string;
  readonly createdBy: string;
  /** In bytes; 0 for a step without a layer. */
  readonly size: number;
}

/** What the images' layers hold. */
export interface LayerSizes {
  /** In bytes, each layer once. */
  readonly together: number;
  readonly largest: number;
  /** What several have, and is not little: they are nearly the same. */
  readonly twins: readonly number[];
}

/** Layers of less are compressed well enough wherever they are. */
const little = 1e6;

/** Asks the engine. */
export async function layerSizes(engine: Asked, images: readonly Stored[]): Promise<LayerSizes> {
  return sizesOf(await Promise.all(images.map(({ id }) => historyOf(engine, id))));
}

/** What histories, each with its lowest layer first, come to. Two images with the same beginning share it. */
export function sizesOf(histories: readonly (readonly HistoryEntry[])[]): LayerSizes {
  const layers = new Map<string, number>();
  for (const history of histories) {
    let chain = '';
    for (const { created, createdBy, size } of history) {
      chain += `${created}\t${size}\t${createdBy}\n`;
      layers.set(chain, size);
    }
  }
  const sizes = [...layers.values()];
  return {
    together: sizes.reduce((sum, size) => sum + size, 0),
    largest: Math.max(0, ...sizes),
    twins: [...new Set(sizes.filter((size, at) => size >= little && sizes.indexOf(size) < at))],
  };
}

async function historyOf({ name, signal }: Asked, image: string): Promise<readonly HistoryEntry[]> {
  const format = name === 'docker' ? ['--human=false', '--format={{json .}}'] : ['--format=json'];
  const { failed, stdout, stderr } = await execa(name, ['history', '--no-trunc', ...format, image], {
    reject: false,
    ...(signal && { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (failed)
    throw new BuilderError('unavailable', [`${name} does not tell the layers of ${image}: ${stderr}`]);
  // docker tells one after the other, with the size as text; podman tells an array.
  const entries: unknown[] =
    name === 'docker'
      ? stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : JSON.parse(stdout);
  return (
    entries as { CreatedAt?: string; created?: string; CreatedBy: string; Size?: string; size?: number }[]
  )
    .map((entry) => ({
      created: entry.CreatedAt ?? entry.created ?? '',
      createdBy: entry.CreatedBy,
      size: Number(entry.Size ?? entry.size ?? 0),
    }))
    .reverse();
}
