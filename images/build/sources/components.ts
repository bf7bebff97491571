/**
 * The components that an OVIS tree is built from, and the grafana plugin: what each is built with, and
 * what it is built on. The order is that of ovis-hpc/ldms-containers.
 */

/** The components of the OVIS tree, in the order in which they are built. */
export const ovisComponents = ['maestro', 'sos', 'ovis', 'numsos', 'sosdb-ui', 'sosdb-grafana'] as const;
export type OvisComponent = (typeof ovisComponents)[number];

/** All that is built from sources. */
export const components = [...ovisComponents, 'dsosds'] as const;
export type Component = (typeof components)[number];

/** How a component is built: with configure and make, with pip, or with npm. */
export type Kind = 'autotools' | 'pip' | 'npm';

/** What is known of a component, whatever its version. */
export interface Recipe {
  readonly kind: Kind;
  /** The components whose installed files its build reads; those that they need are before them. */
  readonly after: readonly OvisComponent[];
}

/** By component. */
export const recipes: Readonly<Record<Component, Recipe>> = {
  maestro: { kind: 'pip', after: [] },
  sos: { kind: 'autotools', after: [] },
  ovis: { kind: 'autotools', after: ['sos'] },
  numsos: { kind: 'autotools', after: ['sos'] },
  'sosdb-ui': { kind: 'autotools', after: ['sos', 'numsos'] },
  'sosdb-grafana': { kind: 'autotools', after: ['sos', 'numsos', 'sosdb-ui'] },
  dsosds: { kind: 'npm', after: [] },
};
