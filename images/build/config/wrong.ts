/** What is wrong with the values of variables, as sentences. */
import { components } from '../sources/components.ts';
import { defaultsFile } from './file.ts';
import { blame, type Layer, tellMistake } from './given.ts';
import type { InForce, Resolved } from './resolve.ts';
import { namesIn, readWords } from './shell.ts';
import { prefixOf, type Variable, variables } from './variables.ts';

/** What is wrong with the variables, each taken by itself; what comes of another's mistake is not told. */
export function wrongValues(of: InForce, defaults: Layer): readonly string[] {
  const wrongNames = new Set<string>();
  return variables.flatMap((variable) => {
    const resolved = of(variable.name);
    const value = resolved.given?.value;
    if (value && namesIn(value).some(({ name }) => wrongNames.has(name))) return [];
    const why = whyNot(variable, resolved, of('PREFIX'));
    if (why === undefined) return [];
    wrongNames.add(variable.name);
    if (resolved.given) return [blame(resolved.given, resolved.text || undefined, why)];
    // A file that cannot be read has been told.
    return defaults.given.size === 0 ? [] : [`${defaultsFile}: ${variable.name} is missing`];
  });
}

/** Why a variable cannot have its value. */
function whyNot(
  { name, kind, empty, why }: Variable,
  { isBroken, text }: Resolved,
  prefix: Resolved,
): string | undefined {
  if (isBroken || kind === 'list') return undefined;
  if (text === '') return empty === undefined ? 'it must not be empty' : undefined;
  const isOutside = name === 'PREFIX_UI' && !prefix.isBroken && !text.startsWith(`${prefix.text}/`);
  // What is not below PREFIX is not taken out of the container that it is built in.
  return why(text) ?? (isOutside ? `it has to be below PREFIX, which is ${prefix.text}` : undefined);
}

/** Repositories that it is not said of what to take from them. */
export function wrongSources(of: InForce): readonly string[] {
  return components.flatMap((component) => {
    const prefix = prefixOf(component);
    const [repo, branch] = [of(`${prefix}_REPO`), of(`${prefix}_BRANCH`)];
    if (repo.isBroken || branch.isBroken || repo.text === '' || branch.text !== '') return [];
    const why = `it has to be a branch, a tag or a full commit of ${prefix}_REPO`;
    return [branch.given ? blame(branch.given, undefined, why) : `${prefix}_BRANCH is not set: ${why}`];
  });
}

/** A command as its words; what is wrong with it is told in `wrong`. */
export function wordsOfCommand({ given, isBroken, text }: Resolved, wrong: string[]): readonly string[] {
  if (!given || isBroken || text === '') return [];
  const { words, mistakes } = readWords(text);
  wrong.push(...mistakes.map((mistake) => blame(given, text, tellMistake(mistake))));
  if (words.length === 0 && mistakes.length === 0) wrong.push(blame(given, text, 'it has to be a command'));
  return words.map((word) =>
    word
      .map((piece) => {
        if (piece.name === undefined) return piece.text;
        wrong.push(blame(given, text, `$${piece.name} is not replaced here`));
        return '';
      })
      .join(''),
  );
}
