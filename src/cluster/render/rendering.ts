/** What every way of deploying is given, and what it makes. */
import type { Container } from '../container.ts';
import type { Site } from '../site.ts';

/** A cluster to be written down for one way of deploying. */
export interface Rendering {
  readonly site: Site;
  /** Node by node. */
  readonly containers: readonly Container[];
  /** By name, the text of each configuration file that a container mounts. */
  readonly files: ReadonlyMap<string, string>;
}

/** A file to be written. */
export interface Rendered {
  /** Below the output directory. */
  readonly path: string;
  readonly text: string;
  readonly executable?: true;
}

/** A way of deploying. */
export interface Renderer {
  /** The files, in the order in which somebody would read them. */
  readonly render: (rendering: Rendering) => readonly Rendered[];
  /**
   * What to type next.
   *
   * @param directory where the files are, as the user would write it
   */
  readonly next: (directory: string, rendering: Rendering) => string;
}

/** What each made file begins with, as a comment. */
export const origin = 'Made by ldms-cluster from ldms_cfg.yaml: change that, and render again.';

/** The containers of each node, in the order of the file. */
export const byNode = ({ containers }: Rendering): ReadonlyMap<string, readonly Container[]> =>
  Map.groupBy(containers, ({ node }) => node);

/** The configuration files that containers mount, by name, each once. */
export function filesFor(containers: readonly Container[], { files }: Rendering): readonly Rendered[] {
  const names = new Set(
    containers.flatMap(({ mounts }) => mounts.flatMap(({ kind, from }) => (kind === 'config' ? [from] : []))),
  );
  return [...names].map((path) => ({ path, text: files.get(path) ?? '' }));
}
