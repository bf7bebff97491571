/** What is no mistake in the variables, and should be known all the same. */
import { type Layer, tellOrigin } from './given.ts';
import type { InForce } from './resolve.ts';
import { publishingVariables } from './variables.ts';

/** As sentences. */
export const warningsOf = (of: InForce, files: readonly Layer[]): readonly string[] => [
  ...publishingWarnings(files),
  ...prefixWarnings(of),
];

function publishingWarnings(files: readonly Layer[]): readonly string[] {
  const given = files.flatMap((layer) => publishingVariables.flatMap((name) => layer.given.get(name) ?? []));
  return given.map(
    ({ name, origin }) => `${tellOrigin(origin)}: ${name} has no effect: this builder publishes nothing`,
  );
}

function prefixWarnings(of: InForce): readonly string[] {
  const [prefix, ui] = [of('PREFIX'), of('PREFIX_UI')];
  const odd = [
    { ...prefix, name: 'PREFIX', usual: '/opt/ovis' },
    { ...ui, name: 'PREFIX_UI', usual: `${prefix.text}/ui` },
  ].filter(({ given, text, usual }) => given && text !== usual);
  return odd.map(
    ({ given, name, text, usual }) =>
      `${given ? tellOrigin(given.origin) : ''}: ${name}=${text}: the images have it in ${usual}, and look for it there`,
  );
}
