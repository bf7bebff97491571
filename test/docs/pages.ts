/** The pages in docs/ that are made from the program's own tables. */
import { helpText } from '../../src/commands/help.ts';
import { exitCodes } from '../../src/problem.ts';
import { settingsTable } from '../../src/settings.ts';

const made =
  "This page is made from the program's own table by `npm run docs`; a test holds that they agree.";

/** Each page's file name below docs/, and its text. */
export function pages(): Record<string, string> {
  return { 'help.txt': helpText(), 'settings.md': settingsPage(), 'exit-codes.md': exitCodesPage() };
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
