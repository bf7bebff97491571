/** The pages in docs/ that are made from the program's own tables, or have parts that are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandNames } from '../../images/build/commands.ts';
import { usage, usageOf } from '../../images/build/usage.ts';
import { usage as clusterUsage } from '../../src/cluster/usage.ts';
import { helpText } from '../../src/commands/help.ts';
import { exitCodes } from '../../src/problem.ts';
import { settingsTable } from '../../src/settings.ts';

const made =
  "This page is made from the program's own table by `npm run docs`; a test holds that they agree.";

/** Each page's file name below docs/, and its text. */
export function pages(): Record<string, string> {
  return {
    'help.txt': helpText(),
    'settings.md': settingsPage(),
    'exit-codes.md': exitCodesPage(),
    'building.md': withHelp(read('building.md')),
    'ldms-cluster.md': withHelp(read('ldms-cluster.md'), { 'ldms-cluster': clusterUsage() }),
  };
}

const read = (page: string): string => readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');

/** The image builder's help texts by the names that their blocks have: `commands`, and each command. */
export const helpTexts: Readonly<Record<string, string>> = {
  commands: usage(),
  ...Object.fromEntries(commandNames.map((command) => [command, usageOf(command)])),
};

/** A page of which each block from `<!-- help: NAME -->` to `<!-- /help -->` has that help text. */
export function withHelp(page: string, texts: Readonly<Record<string, string>> = helpTexts): string {
  return page.replaceAll(/(<!-- help: (\S+) -->\n).*?(<!-- \/help -->)/gs, (_, begin, name, end) => {
    const text = texts[name];
    if (text === undefined) throw new Error(`a page in docs/: there is no help text ${name}`);
    return `${begin}\`\`\`text\n${text}\`\`\`\n${end}`;
  });
}

function settingsPage(): string {
  const rows = settingsTable.map(
    ({ name, takes, fallback, meaning }) =>
      `| \`${name}\` | ${takes} | ${fallback ? `\`${fallback}\`` : 'unset'} | ${meaning} |`,
  );
  return `# Settings

Arguments belong to the daemons, so the program's own settings are environment variables. An
unknown or malformed \`LDMS_ENTRYPOINT_*\` variable is an error (exit 64) that lists the valid ones;
an empty one counts as unset.

${made}

| variable | takes | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

function exitCodesPage(): string {
  const rows = Object.entries(exitCodes).map(
    ([kind, { code, meaning }]) => `| ${code} | ${kind} | ${meaning} |`,
  );
  return `# Exit codes

After the hand-over the exit code is the daemon's own, or 128 + n if signal n ended it. Told to stop
while preparing, we stop what was started and end with 128 + n too (143 for SIGTERM). Otherwise:

| code | kind | meaning |
|---|---|---|
${rows.join('\n')}

\`health\` answers 0 or 1 only, as docker's HEALTHCHECK asks.

${made}
`;
}
