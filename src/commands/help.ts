/** `--help`: made from the tables of modes, settings and exit codes, as are the pages in docs/. */
import { modes } from '../entrypoints/index.ts';
import { exitCodes } from '../problem.ts';
import { settingsTable } from '../settings.ts';

/** The whole text. */
export function helpText(): string {
  return `ldms-entrypoint: what every LDMS container starts with

ldms-entrypoint MODE [ARGS]          prepare, then become MODE's daemon with ARGS untouched
ldms-entrypoint explain MODE [ARGS]  print what would be done; nothing is started or changed
ldms-entrypoint check MODE [ARGS]    is this container ready to run it? exit 0 if it is
ldms-entrypoint health               is the running container healthy? exit 0 or 1
ldms-entrypoint --version
ldms-entrypoint --help

explain and check take --json before MODE: the plan as data.

Modes
${rows(modes.map(({ name, summary }) => [name, summary]))}

Settings, as environment variables (arguments belong to the daemons)
${settingsTable.map(({ name, takes, fallback, meaning }) => `  ${name}\n      ${meaning}\n      ${takes}; default: ${fallback || 'unset'}`).join('\n')}

Exit codes: the daemon's own, 128 + n if it was ended by signal n (143 also if we were stopped while preparing), or one of ours
${rows(Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]))}
`;
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
