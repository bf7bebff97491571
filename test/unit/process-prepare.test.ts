import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Plan, Preparation, Run } from '../../src/plan.ts';
import { prepare } from '../../src/process/prepare.ts';
import type { StopRequest } from '../../src/process/stop.ts';
import { fakeHost } from '../support/fake-host.ts';

/** Waits until something holds. */
const until = (holds: () => boolean) => vi.waitUntil(holds, { timeout: 20_000, interval: 5 });

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ldms-entrypoint-unit-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const ifNot = { kind: 'configuration', what: 'cannot install the plugin x', remedy: 'leave it out' } as const;

/** A shell script as a preparation. */
const script = (text: string, more: Partial<Run> = {}): Run => ({
  do: 'run',
  name: 'the installation of x',
  command: { program: 'cli', args: ['-c', text] },
  limitMs: 60_000,
  ifNot,
  ...more,
});

/** Carries preparations out; `stopper` stops them. */
function begin(preparations: readonly Preparation[] | undefined) {
  const controller = new AbortController();
  const stop: StopRequest = {
    signal: controller.signal,
    by: () => (controller.signal.aborted ? { name: 'SIGTERM', code: 143 } : undefined),
  };
  const lines: string[] = [];
  const plan: Plan = {
    mode: 'grafana',
    notices: [],
    requirements: [],
    ...(preparations && { preparations }),
    services: [],
    tasks: [],
    questions: [],
    main: { program: 'grafana-server', args: [] },
    handoff: 'exec',
  };
  const carryOut = () =>
    prepare(plan, {
      host: fakeHost({ programs: { cli: '/bin/sh' } }),
      log: async (level, message) => void lines.push(`${level}: ${message}`),
      stop,
    });
  return { carryOut, lines, stop: () => controller.abort() };
}

async function run(...preparations: Preparation[]) {
  const { carryOut, lines } = begin(preparations);
  return { problem: await carryOut(), lines };
}

describe('preparations', () => {
  test('there may be none', async () => {
    const { carryOut, lines } = begin(undefined);
    expect(await carryOut()).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test('are done in their order, and each that ran is told', async () => {
    const at = place();
    const { problem, lines } = await run(
      { do: 'directory', path: `${at}/d/e`, mode: 0o755, mend: false },
      { do: 'write', path: `${at}/d/e/f`, text: 'one\n', mode: 0o644 },
      script(`cat ${at}/d/e/f >${at}/copy; echo two >>${at}/copy`),
      { do: 'remove', path: `${at}/d/e/f` },
    );
    expect(problem).toBeUndefined();
    expect(readFileSync(`${at}/copy`, 'utf8')).toBe('one\ntwo\n');
    expect(existsSync(`${at}/d/e/f`)).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^info: the installation of x is done, after \d+ ms$/)]);
  });

  test('nothing is done after one that fails', async () => {
    const at = place();
    const after = script(`touch ${at}/after`);
    expect((await run(script('exit 3'), after)).problem).toBeDefined();
    expect(existsSync(`${at}/after`)).toBe(false);
    // Whereas it is after one that does not.
    expect((await run(script('exit 0'), after)).problem).toBeUndefined();
    expect(existsSync(`${at}/after`)).toBe(true);
  });

  test('a file that cannot be made is told, and is what it ends with', async () => {
    const at = place();
    writeFileSync(`${at}/file`, '');
    const { problem, lines } = await run(
      { do: 'directory', path: `${at}/file`, mode: 0o755, mend: false },
      script(`touch ${at}/after`),
    );
    expect(problem).toMatchObject({
      kind: 'configuration',
      what: `cannot make the directory ${at}/file: it, or a part of its path, is not a directory`,
      remedy: 'let uid 0 write there',
    });
    expect(lines).toEqual([]);
    expect(existsSync(`${at}/after`)).toBe(false);
  });
});

describe('a directory', () => {
  test('that is there keeps its mode, and is mended only where that is asked', async () => {
    const at = place();
    chmodSync(at, 0o700);
    await run({ do: 'directory', path: at, mode: 0o755, mend: false });
    expect(statSync(at).mode & 0o7777).toBe(0o700);
    await run({ do: 'directory', path: at, mode: 0o755, mend: true });
    expect(statSync(at).mode & 0o7777).toBe(0o755);
  });

  test('may be a link to one, unless it is mended', async () => {
    const at = place();
    mkdirSync(`${at}/there`, { mode: 0o700 });
    symlinkSync(`${at}/there`, `${at}/link`);
    symlinkSync(`${at}/file`, `${at}/other`);
    writeFileSync(`${at}/file`, '');
    const make = (name: string, mend: boolean) =>
      run({ do: 'directory', path: `${at}/${name}`, mode: 0o755, mend });
    expect((await make('link', false)).problem).toBeUndefined();
    expect(lstatSync(`${at}/link`).isSymbolicLink()).toBe(true);
    for (const [name, mend] of [
      ['link', true],
      ['other', false],
    ] as const) {
      expect((await make(name, mend)).problem?.what).toMatch(/is not a directory$/);
    }
    // What a link leads to is never given away.
    expect(statSync(`${at}/there`).mode & 0o7777).toBe(0o700);
  });

  test('that is made has its mode, whatever the umask', async () => {
    const at = `${place()}/made`;
    await run({ do: 'directory', path: at, mode: 0o700, mend: false });
    expect(statSync(at).mode & 0o7777).toBe(0o700);
  });
});

describe('a file that is written', () => {
  const write = (path: string, text: string, fills?: boolean): Preparation => ({
    do: 'write',
    path,
    text,
    mode: 0o600,
    ...(fills !== undefined && { fills }),
  });

  test('has the values of variables where it asks for them', async () => {
    const path = `${place()}/credentials`;
    vi.stubEnv('LDMS_TEST_KEY', 'a$&b$1${LDMS_TEST_OTHER}\\');
    vi.stubEnv('LDMS_TEST_OTHER', 'other');
    onTestFinished(() => void vi.unstubAllEnvs());
    const text = 'k = ${LDMS_TEST_KEY}\no = ${LDMS_TEST_OTHER}${LDMS_TEST_OTHER}\nu = ${LDMS_TEST_UNSET}\n';
    await run(write(path, text, true));
    // A value is put in as it is: nothing in it is put in again.
    expect(readFileSync(path, 'utf8')).toBe('k = a$&b$1${LDMS_TEST_OTHER}\\\no = otherother\nu = \n');
    await run(write(path, text));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('has its mode, even where another was there', async () => {
    const path = `${place()}/credentials`;
    writeFileSync(path, 'an old and longer text', { mode: 0o666 });
    await run(write(path, 'new'));
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o7777).toBe(0o600);
  });

  test('is not written through a link', async () => {
    const at = place();
    writeFileSync(`${at}/theirs`, 'theirs');
    symlinkSync(`${at}/theirs`, `${at}/link`);
    expect((await run(write(`${at}/link`, 'ours'))).problem).toBeUndefined();
    expect(readFileSync(`${at}/theirs`, 'utf8')).toBe('theirs');
    expect(lstatSync(`${at}/link`).isFile()).toBe(true);
  });

  test('needs its directory', async () => {
    const path = `${place()}/none/file`;
    expect((await run(write(path, ''))).problem).toMatchObject({
      what: `cannot write ${path}: it does not exist`,
    });
  });

  test('cannot take the place of a directory', async () => {
    const path = `${place()}/d`;
    mkdirSync(path);
    expect((await run(write(path, ''))).problem?.what).toMatch(/^cannot write .*: it is a directory$/);
  });
});

describe('a program', () => {
  test('has our environment, and what its command says beside it', async () => {
    const at = place();
    vi.stubEnv('LDMS_TEST_OURS', 'ours');
    onTestFinished(() => void vi.unstubAllEnvs());
    const args = ['-c', `echo "$HOME $LDMS_TEST_OURS" >${at}/said`];
    await run(script('', { command: { program: 'cli', args, env: { HOME: '/its/own' } } }));
    expect(readFileSync(`${at}/said`, 'utf8')).toBe('/its/own ours\n');
    await run(script('', { command: { program: 'cli', args } }));
    expect(readFileSync(`${at}/said`, 'utf8')).toBe(`${process.env['HOME'] ?? ''} ours\n`);
  });

  test.each([
    ['silently', 'exit 3', 'it ended with exit status 3'],
    ['with a word', 'echo no network >&2; exit 1', 'it ended with exit status 1; it said last: no network'],
    [
      'with many words, of which the last are told, and no blank lines',
      'for n in 1 2 3 4 5; do echo " line $n "; echo; done; exit 1',
      'it ended with exit status 1; it said last: line 3 | line 4 | line 5',
    ],
    [
      'with a word that holds a password',
      'echo cannot get https://user:hunter2@example.org/x.zip; exit 1',
      'it ended with exit status 1; it said last: cannot get https://***@example.org/x.zip',
    ],
    ['by a signal', 'kill -9 $$', 'it was killed'],
    ['by a signal, with a word', 'echo no memory; kill -9 $$', 'it was killed; it said last: no memory'],
  ])('that fails %s', async (_, text, why) => {
    const { problem, lines } = await run(script(text));
    expect(problem).toEqual({ ...ifNot, what: `cannot install the plugin x: ${why}` });
    expect(lines).toEqual([]);
  });

  test('that succeeds is not judged by what it says', async () => {
    expect((await run(script('echo error: failed >&2'))).problem).toBeUndefined();
  });

  test('that takes too long is killed, with all that it has started', async () => {
    const at = place();
    const { problem } = await run(
      script(`sh -c 'echo $$ >${at}/pid; echo waiting; exec sleep 1000' & wait`, { limitMs: 1500 }),
    );
    expect(problem?.what).toBe(
      'cannot install the plugin x: it did not end within 1.5 s; it said last: waiting',
    );
    const pid = Number(readFileSync(`${at}/pid`, 'utf8'));
    await until(() => !/^\d+ \(sleep\) [^Z]/.test(statOf(pid)));
  });

  test('whose failure does not matter is warned of, and what follows is done', async () => {
    const at = place();
    const { problem, lines } = await run(
      script('echo no network; exit 1', { instead: 'the one that is there is used' }),
      script(`touch ${at}/after`),
    );
    expect(problem).toBeUndefined();
    expect(existsSync(`${at}/after`)).toBe(true);
    expect(lines).toEqual([
      'warn: cannot install the plugin x: it ended with exit status 1; it said last: no network; leave it out; the one that is there is used',
      expect.stringMatching(/^info: /),
    ]);
  });

  test('whose failure would not matter, and that succeeds, is not warned of', async () => {
    const { lines } = await run(script('exit 0', { instead: 'the one that is there is used' }));
    expect(lines).toEqual([expect.stringMatching(/^info: /)]);
  });

  test('that cannot be run at all has failed', async () => {
    const command = { program: '/none/grafana-cli', args: [] };
    const { problem } = await run(script('', { command }));
    expect(problem).toMatchObject({ kind: 'configuration', what: expect.stringContaining('ENOENT') });
  });
});

describe('told to stop', () => {
  test('before anything: nothing is done', async () => {
    const at = place();
    const { carryOut, lines, stop } = begin([script(`touch ${at}/done`)]);
    stop();
    expect(await carryOut()).toBeUndefined();
    expect(existsSync(`${at}/done`)).toBe(false);
    expect(lines).toEqual([]);
  });

  test.each([undefined, 'the one that is there is used'])(
    'meanwhile: the program is killed at once, nothing is warned of, and nothing follows (instead: %s)',
    async (instead) => {
      const at = place();
      const { carryOut, lines, stop } = begin([
        script(`touch ${at}/begun; exec sleep 1000`, { ...(instead && { instead }) }),
        script(`touch ${at}/after`),
      ]);
      const done = carryOut();
      await until(() => existsSync(`${at}/begun`));
      stop();
      expect(await done).toBeUndefined();
      expect(existsSync(`${at}/after`)).toBe(false);
      expect(lines).toEqual([]);
    },
  );
});

/** A process's line in /proc, empty if it is gone. */
function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}
