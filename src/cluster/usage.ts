/** `ldms-cluster --help`, made from the tables of commands and options. */
import { commandNames, commands, type Option, options, siteOptions } from './options.ts';

/** The exit codes besides 0, and what they mean. */
export const exitCodes = {
  differs: { code: 1, meaning: 'diff: something differs' },
  usage: { code: 64, meaning: 'a wrong command line' },
  notWritten: { code: 73, meaning: 'render: a file was changed by hand, or cannot be written; none was' },
  file: { code: 78, meaning: 'the file has mistakes, or is no ldms_cfg.yaml' },
} as const;

/** The whole text. */
export function usage(): string {
  const own = options.filter((option) => !siteOptions.includes(option));
  return `ldms-cluster: the containers of a whole LDMS cluster, from its ldms_cfg.yaml

${rows(commandNames.map((name) => [`ldms-cluster ${name} ${commands[name].takes}`, commands[name].does]))}

FILE is ldms_cfg.yaml in this directory unless another is named. Where dsosd.conf, dsosd.json or
settings.py lie beside it, they are taken as they are; otherwise they are made from it.

Options
${rows(own.map(describe))}

What the file does not say
${rows(siteOptions.map(describe))}

diff, and render into a directory that it has written before, take the options from there; what is
given besides counts more.

Exit codes besides 0
${rows(Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]))}
`;
}

const describe = ({ name, takes, meaning, of }: Option): [string, string] => [
  takes ? `--${name}=${takes}` : `--${name}`,
  of.length < 3 ? `${of.join(', ')}: ${meaning}` : meaning,
];

function rows(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
