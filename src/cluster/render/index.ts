/** The ways of deploying that there are. */
import { apptainer } from './apptainer.ts';
import { compose } from './compose.ts';
import { docker } from './docker.ts';
import { kubernetes } from './kubernetes.ts';
import { pdsh } from './pdsh.ts';
import { quadlet } from './quadlet.ts';
import type { Renderer } from './rendering.ts';

/** By the name that `--as` takes. */
export const renderers = { docker, pdsh, compose, quadlet, kubernetes, apptainer } as const satisfies Record<
  string,
  Renderer
>;

/** The name of a way of deploying. */
export type Way = keyof typeof renderers;

/** The ways, as they are told. */
export const ways = Object.keys(renderers) as readonly Way[];
