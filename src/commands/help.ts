/** `--help`: made from the tables of modes, settings and exit codes, as are the pages in docs/. */
import { modes } from '../entrypoints/index.ts';
import { exitCodes } from '../problem.ts';
import { type Setting, settingsTable } from '../settings.ts';

/** The whole text. */
export function helpText(): string {
  return `ldms-entrypoint: what every LDMS container starts with

ldms-entrypoint MODE [ARGS]          prepare, then become MODE's daemon with ARGS untouched
ldms-entrypoint explain MODE [ARGS]  print what would be done; nothing is started or changed
ldms-entrypoint check MODE [ARGS]    is this container ready to run it? exit 0 if it is
ldms-entrypoint check --again MODE   would the running one, at a HUP, take the file that is there now?
ldms-entrypoint health               is the running container healthy? exit 0 or 1
ldms-entrypoint status [--json]      of several maestros: who leads, who lags, whose file is in force?
ldms-entrypoint cluster …            ldms-cluster: the containers of a whole cluster from its ldms_cfg.yaml
ldms-entrypoint --version
ldms-entrypoint --help

After samp, agg, ui and grafana, a first word that names a program runs that in the daemon's place.
explain and check take --json before MODE: the plan, or the results, as data.

Modes
${rows(modes.map(({ name, summary }) => [name, summary]))}

Settings, as environment variables (arguments belong to the daemons)
${settingsTable.map(settingLines).join('\n')}

Exit codes: the daemon's own; 128 + n if signal n ended it, or stopped us while preparing; or one of ours
${rows(Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]))}
`;
}

function settingLines({ name, takes, fallback, meaning }: Setting): string {
  const lines = [...wrapped(meaning), `${takes}; default: ${fallback || 'unset'}`];
  return [`  ${name}`, ...lines.map((line) => `      ${line}`)].join('\n');
}

/** The text in lines of at most 90 columns, broken between words. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= 90) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
