/** The variables that the environment sets. */
import { didYouMean, type Given, givenText, type Layer, nearest } from './given.ts';
import { componentPrefixes, knownNames, variables } from './variables.ts';

/**
 * Reads the environment. An empty variable counts as unset, unless being empty means something; a name
 * that looks like one of a component's and is none is a mistake, since it would be without effect.
 *
 * @param directory what relative paths are relative to
 */
export function readEnvironment(env: NodeJS.ProcessEnv, directory: string): Layer {
  const wrong: string[] = [];
  const given = new Map<string, Given>();
  for (const variable of variables) {
    const text = env[variable.name];
    if (text === undefined || (text === '' && !variable.emptyCounts)) continue;
    given.set(variable.name, givenText(variable, text, { kind: 'environment' }, directory, wrong));
  }
  for (const name of Object.keys(env)) {
    if (knownNames.includes(name) || !componentPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    const near = nearest(name, knownNames);
    if (near) wrong.push(`there is no variable ${name} (environment)${didYouMean(near)}`);
  }
  return { given, wrong };
}
