/**
 * What docs/ldms-cluster.md and docs/deploy-*.md tell people to type, typed: each page in a directory of its own
 * with the cygnus example's file, from its first line to its last.
 */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { usage } from '../../src/cluster/usage.ts';
import { repository, run } from '../support/program.ts';
import { temporary } from '../support/rendered.ts';

const docs = join(repository, 'docs');
const pages = readdirSync(docs).filter((name) => /^((ldms|maestro)-cluster|deploy-\w+)\.md$/.test(name));
const textOf = (page: string) => readFileSync(join(docs, page), 'utf8');

/** A command, and what the page says that it prints; undefined if it does not say. */
interface Typed {
  readonly command: string;
  readonly prints: string | undefined;
}

/**
 * The commands of a page: of each `console` block all, which are behind `$ ` with their output below; of blocks
 * that are indented those of ldms-cluster, which have to succeed.
 */
function commandsIn(page: string): Typed[] {
  const found = page.matchAll(/^```console\n(?<session>.*?)^```$|^ {4}(?<line>ldms-cluster .*)$/gms);
  return [...found].flatMap(({ groups }) =>
    groups?.['session'] === undefined
      ? [{ command: groups?.['line']?.split('\n')[0] ?? '', prints: undefined }]
      : groups['session'].split(/^\$ /m).slice(1).map(typed),
  );
}

function typed(text: string): Typed {
  const end = text.indexOf('\n');
  return { command: text.slice(0, end), prints: text.slice(end + 1) };
}

/** Types the commands of a page, one after the other; what is not as the page says. */
async function complaints(page: string): Promise<string[]> {
  const cwd = temporary();
  copyFileSync(join(repository, 'examples/cygnus/ldms_cfg.yaml'), join(cwd, 'ldms_cfg.yaml'));
  const path = `${join(repository, 'dist')}:${process.env['PATH']}`;
  // ls lists by these.
  const env = { ...process.env, PATH: path, LC_ALL: 'C', COLUMNS: '80' };
  const wrong: string[] = [];
  let last = 0;
  const commands = commandsIn(page);
  for (const [at, { command, prints }] of commands.entries()) {
    const script = `exec 2>&1\n(exit ${last})\n${command}`;
    const { code, stdout } = await run('sh', ['-c', script], { cwd, env });
    last = code;
    const isTold = commands[at + 1]?.command === 'echo $?';
    if (prints !== undefined && stdout !== prints) {
      wrong.push(`${command}\nprints\n${stdout}and the page says\n${prints}`);
    }
    if (code !== 0 && !isTold)
      wrong.push(`${command}\nends with ${code}, which the page does not say\n${stdout}`);
  }
  return wrong;
}

describe('the commands that pages tell to type', () => {
  for (const page of pages) {
    test(page, async () => {
      expect(commandsIn(textOf(page)).length).toBeGreaterThan(page === 'maestro-cluster.md' ? 0 : 2);
      expect(await complaints(textOf(page))).toEqual([]);
    });
  }

  test('a page for each way of deploying', () => {
    const ways = ['docker', 'pdsh', 'compose', 'quadlet', 'kubernetes', 'apptainer'];
    expect(pages.toSorted()).toEqual(
      ['ldms-cluster.md', 'maestro-cluster.md', ...ways.map((way) => `deploy-${way}.md`)].toSorted(),
    );
  });

  test('an option that is none, output that is another, and an exit code that is not told are found out', async () => {
    const said = (output: string) => `\`\`\`console\n$ ldms-cluster check --suffix=-iw\n${output}\n\`\`\`\n`;
    const good = said('ldms_cfg.yaml: no mistakes; 7 hosts, 10 containers');
    expect(await complaints(`${good}\n    ldms-cluster plan --suffix=-iw\n`)).toEqual([]);
    const [printed = '', ...rest] = await complaints(
      said('ldms_cfg.yaml: no mistakes; 8 hosts, 10 containers'),
    );
    expect(printed).toContain('and the page says\nldms_cfg.yaml: no mistakes; 8 hosts');
    expect(rest).toEqual([]);
    const [ended = ''] = await complaints('Text.\n\n    ldms-cluster plan --sufix=-iw      # a comment\n');
    expect(ended).toContain('there is no option --sufix; did you mean --suffix?');
    expect(ended).toContain('ends with 64, which the page does not say');
  });
});

test("docs/ldms-cluster.md has the program's --help, as it is printed", async () => {
  const { stdout } = await run(join(repository, 'dist/ldms-cluster'), ['--help']);
  expect(stdout).toBe(usage());
  expect(textOf('ldms-cluster.md')).toContain(
    `<!-- help: ldms-cluster -->\n\`\`\`text\n${stdout}\`\`\`\n<!-- /help -->`,
  );
});
