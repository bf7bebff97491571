/** The room that saving takes. */
import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Engine } from '../engine.ts';
import { BuilderError } from '../problem.ts';
import { megabytes } from '../space.ts';
import type { LayerSizes } from './layers.ts';

/** How much larger an archive is than what its layers hold: the headers and padding of tar. */
export const tarOverhead = 1.04;
/** What compression leaves at most of images such as ours; it was 0.23 to 0.31 of the ones measured. */
const compressed = 0.4;

/** Room that is wanted somewhere. */
interface Need {
  readonly at: string;
  readonly bytes: number;
  readonly what: string;
}

/**
 * Says that there is no room before anything is written.
 *
 * @param output where the bundle will be
 * @param temporary where podman has its temporary files
 * @throws BuilderError
 */
export function wantRoom(
  { name, store }: Pick<Engine, 'name' | 'store'>,
  { together, largest }: LayerSizes,
  output: string,
  temporary: string,
): void {
  const bundle = { at: dirname(output), bytes: together * tarOverhead * compressed, what: 'the bundle' };
  // docker gathers the whole archive before it gives the first byte; podman has one layer at a time.
  const gathered: readonly Need[] =
    name === 'docker'
      ? store && existsSync(store)
        ? [{ at: store, bytes: together * tarOverhead, what: 'the layers, which docker gathers there' }]
        : []
      : [
          {
            at: temporary,
            bytes: largest * tarOverhead,
            what: 'a layer, which podman has there for a while',
          },
        ];
  const wrong = wrongWith([bundle, ...gathered]);
  if (wrong.length > 0) throw new BuilderError('unavailable', wrong);
}

/** Those that are in the same file system take its room together. */
function wrongWith(needs: readonly Need[]): string[] {
  const systems = Map.groupBy(needs, ({ at }) => statSync(at).dev);
  return [...systems.values()].flatMap((all) => {
    const [{ at }] = all as [Need];
    const { bavail, bsize } = statfsSync(at);
    const bytes = all.reduce((sum, need) => sum + need.bytes, 0);
    const what = all.map((need) => need.what).join(' and ');
    return bavail * bsize >= bytes
      ? []
      : [
          `${at} has ${megabytes(bavail * bsize)} left, and about ${megabytes(bytes)} are needed for ${what}; make room there`,
        ];
  });
}
