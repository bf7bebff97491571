/** podman's generator of systemd units, and what it has made. */
import { type Result, run } from './program.ts';
import { quadlet } from './tools.ts';

/** Has the generator make services of a directory of units, and print them. */
export const generate = (units: string): Promise<Result> =>
  run(quadlet ?? '', ['-dryrun', '-no-kmsg-log'], { env: { ...process.env, QUADLET_UNIT_DIRS: units } });

/** What the generator says, but for what it reads. */
export const complaints = ({ stderr }: Result): string[] =>
  stderr.split('\n').filter((line) => line && !line.includes('Loading source unit file'));

/** The services of a dry run, by name. */
export function services({ stdout }: Result): Map<string, string> {
  const [, ...parts] = stdout.split(/^---(\S+)---$/m);
  return new Map(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? '']] : [])));
}

/**
 * The arguments that podman gets of a service's ExecStart, as systemd reads it: quotes and C escapes first, then
 * `%%` and `$$` (systemd.service(5), "Command lines"). What else it would replace is an error, but for what
 * Quadlet itself writes.
 */
export function argumentsOf(service: string | undefined): string[] {
  const [, line = ''] = /^ExecStart=\S*podman (.*)$/m.exec(service ?? '') ?? [];
  const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, bare]) =>
    inQuotes === undefined
      ? (bare ?? '')
      : inQuotes.replace(/\\(.)/g, (_, each) => ({ t: '\t', n: '\n' })[each as string] ?? each),
  );
  return words.map((text) => {
    if (text === '--cidfile=%t/%N.cid') return text;
    if (/(?:^|[^%])(?:%%)*%(?!%)|(?:^|[^$])(?:\$\$)*\$(?!\$)/.test(text))
      throw new Error(`systemd replaces something in ${text}`);
    return text.replaceAll('%%', '%').replaceAll('$$', '$');
  });
}
