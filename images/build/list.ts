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
  const steps: readonly StepName[] = [commonImage, ...options.images];
  const asked = steps.map(async (step) => {
    const [name] = tagsOf(step, options);
    const image = await inspectImage(engine, name);
    return image ? [{ step, name, image }] : [];
  });
  const found = (await Promise.all(asked)).flat();
  const images = found.map(({ image }) => image);
  const built = found
    .filter(({ step }) => step !== commonImage)
    .map(({ name, image }) => ({ name, image, below: largestBelow(image, images) }));
  if (built.length === 0) return 0;
  const own = ({ image, below }: (typeof built)[number]) => image.size - (below?.size ?? 0);
  const rows = built.map((each) => {
    const { name, image, below } = each;
    const shared = below ? `${size(below.size)} in ${below.layers.length} layers` : 'none';
    const revision = image.labels['org.opencontainers.image.revision'] ?? '';
    return [name, size(image.size), size(own(each)), shared, revision.slice(0, 12)];
  });
  print(tableOf([['IMAGE', 'SIZE', 'OWN', 'SHARED WITH THE OTHERS', 'REVISION'], ...rows]));
  const shared = new Map(built.flatMap(({ below }) => (below ? [[below.id, below.size] as const] : [])));
  const total = [...built.map(own), ...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
  print(`together ${size(total)} on disk, shared layers once\n`);
  return built.length;
}

/** Rows with their columns aligned. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** The largest of the others that an image begins with, layer for layer. */
function largestBelow(image: StoredImage, others: readonly StoredImage[]): StoredImage | undefined {
  const isBelow = (other: StoredImage) =>
    other.layers.length < image.layers.length &&
    other.layers.every((layer, at) => layer === image.layers[at]);
  return others.filter(isBelow).sort((a, b) => b.layers.length - a.layers.length)[0];
}

const size = (bytes: number): string => (Number.isFinite(bytes) ? `${(bytes / 1e6).toFixed(0)} MB` : '?');
