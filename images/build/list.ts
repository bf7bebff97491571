/** `list`: the images that there are, how large they are, and what they share. */
import { type Engine, inspectImage, type StoredImage } from './engine.ts';
import { commonImage, type StepName } from './images.ts';
import { tagsOf } from './names.ts';
import type { Options } from './options.ts';

type Wanted = Pick<Options, 'namespace' | 'tag' | 'arch' | 'images'>;

/**
 * Prints a row for each image that is there.
 *
 * @returns how many there are
 */
export async function listImages(
  engine: Pick<Engine, 'name' | 'signal'>,
  options: Wanted,
  print: (text: string) => void,
): Promise<number> {
  const found: { step: StepName; name: string; image: StoredImage }[] = [];
  for (const step of [commonImage, ...options.images] satisfies StepName[]) {
    const [name] = tagsOf(step, options);
    const image = await inspectImage(engine, name);
    if (image) found.push({ step, name, image });
  }
  const built = found.filter(({ step }) => step !== commonImage);
  if (built.length === 0) return 0;
  const rows = built.map(({ name, image }) => {
    const below = largestBelow(
      image,
      found.map((other) => other.image),
    );
    const own = image.size - (below?.size ?? 0);
    const shared = below ? `${size(below.size)} in ${below.layers.length} layers` : 'none';
    const revision = image.labels['org.opencontainers.image.revision'] ?? '';
    return [name, size(image.size), size(own), shared, revision.slice(0, 12)];
  });
  const header = ['IMAGE', 'SIZE', 'OWN', 'SHARED WITH THE OTHERS', 'REVISION'];
  const widths = header.map((text, at) => Math.max(text.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `${row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()}\n`;
  print([header, ...rows].map(line).join(''));
  const own = built.map(
    ({ image }) =>
      image.size -
      (largestBelow(
        image,
        found.map((other) => other.image),
      )?.size ?? 0),
  );
  const belows = new Map(
    built.flatMap(({ image }) => {
      const below = largestBelow(
        image,
        found.map((other) => other.image),
      );
      return below ? [[below.id, below.size] as const] : [];
    }),
  );
  const total = [...own, ...belows.values()].reduce((sum, bytes) => sum + bytes, 0);
  print(`together ${size(total)} on disk, shared layers once\n`);
  return built.length;
}

/** The largest of the others that an image begins with, layer for layer. */
function largestBelow(image: StoredImage, others: readonly StoredImage[]): StoredImage | undefined {
  const isBelow = (other: StoredImage) =>
    other.layers.length < image.layers.length &&
    other.layers.every((layer, at) => layer === image.layers[at]);
  return others.filter(isBelow).sort((a, b) => b.layers.length - a.layers.length)[0];
}

const size = (bytes: number): string => (Number.isFinite(bytes) ? `${(bytes / 1e6).toFixed(0)} MB` : '?');
