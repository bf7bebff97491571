/** ACCEPTANCE H2: what munged says beside a main, whole, and whatever becomes of our stdout and stderr. */
import { describe, expect } from 'vitest';
import { mungedsOf, processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { below, makeFifo, stays, supervised } from '../support/probe.ts';
import { program, run, start, until } from '../support/program.ts';
import { asked, ldmsdThat, type Site } from '../support/site.ts';

/** A munged that says something before, and something when it is told to end; a real one serves in between. */
async function mungedSaying(site: Site, before: string, atEnd = 'true'): Promise<void> {
  site.key();
  const real = (await run('sh', ['-c', 'command -v munged'])).stdout.trim();
  const waits = 'wait $!';
  site.install(
    'munged',
    `#!/bin/sh\n${before}\n${real} "$@" &\ntrap 'kill $!; ${waits}; ${atEnd}; exit 0' TERM\n${waits}\n`,
  );
}

/** A shell's way to print one line of so many bytes. */
const longLine = (bytes: number, letter: string): string =>
  `head -c ${bytes} /dev/zero | tr '\\0' ${letter}; echo`;

/** A service's lines as they should come out. */
const marked = (line: string): string => `[munged] ${line}`;

describe("munged's lines", () => {
  testNeeding(
    ['munged'],
    'arrive whole: a line of 1 MB, many short ones, and a tail without newline',
    async () => {
      const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
      const count = 3000;
      const few = 100;
      const lines = (many: number, text: string) =>
        `i=0; while [ $i -lt ${many} ]; do echo "line $i ${text}"; i=$((i + 1)); done`;
      await mungedSaying(
        site,
        `{ ${longLine(1 << 20, 'x')}; } >&2\n{ ${lines(count, 'of many')}; } >&2`,
        `{ ${lines(few, 'at the end')}; printf "the tail"; } >&2`,
      );
      site.install('ldmsd', ldmsdThat('echo running; exec sleep 300'));
      const started = site.start(asked);
      await until('ldmsd runs', () => started.stdout() === 'running\n');
      started.kill('SIGTERM');
      const { code, stderr, stdout } = await started.ended;
      expect({ code, stdout }).toEqual({ code: 143, stdout: 'running\n' });
      const all = stderr.split('\n');
      expect(all.pop()).toBe('');
      const said = all.filter((line) => !line.startsWith('{'));
      // Every other line is one of ours, and complete.
      for (const line of all.filter((one) => one.startsWith('{')))
        expect(() => JSON.parse(line)).not.toThrow();
      const expected = [
        'x'.repeat(1 << 20),
        ...Array.from({ length: count }, (_, at) => `line ${at} of many`),
        ...Array.from({ length: few }, (_, at) => `line ${at} at the end`),
        'the tail',
      ].map(marked);
      const isOurs = (line: string) => /line \d|x{9}|the tail/.test(line);
      expect(said.filter(isOurs).length).toBe(expected.length);
      expect(said.filter(isOurs).every((line, at) => line === expected[at])).toBe(true);
    },
  );

  testNeeding(
    ['munged'],
    'are not cut by those of its other stream, nor by ours, where both lead to one place',
    async () => {
      const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
      const mixed = (letter: string, to: number) =>
        `(i=0; while [ $i -lt 300 ]; do ${longLine(2000, letter)}; i=$((i + 1)); done >&${to}) &`;
      await mungedSaying(site, `${mixed('o', 1)}\n${mixed('e', 2)}\nwait`);
      site.install('ldmsd', ldmsdThat('exit 5'));
      const both = `exec "$0" ${asked.join(' ')} > ${site.path('both')} 2>&1`;
      const { code } = await run('sh', ['-c', both, program], { env: site.env });
      expect(code).toBe(5);
      const { stdout } = await run('cat', [site.path('both')]);
      const lines = stdout.split('\n').filter((line) => /[oe]{9}/.test(line));
      expect(new Set(lines)).toEqual(new Set([marked('o'.repeat(2000)), marked('e'.repeat(2000))]));
      expect(lines).toHaveLength(600);
    },
  );
});

describe('our stdout and stderr', () => {
  const closed: [string, string][] = [
    ['stdout is closed', '>&-'],
    ['stderr is closed', '2>&-'],
    ['both are closed', '>&- 2>&-'],
    ["stdout's reader is gone", '> >(exec true)'],
    ["stderr's reader is gone", '2> >(exec true)'],
    ['both of their readers are gone', '> >(exec true) 2> >(exec true)'],
    ['both are full disks', '> /dev/full 2>&1'],
  ];
  for (const [what, redirection] of closed) {
    testNeeding(
      ['munged'],
      `${what}: neither we, nor munged, nor main are killed by it, or hang`,
      async () => {
        const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
        const chatter = `{ ${longLine(200_000, 'x')}; } >&2`;
        await mungedSaying(site, chatter, chatter);
        const credential = `munge -n -S ${site.socket} | unmunge -n -S ${site.socket}`;
        const fifo = await makeFifo(site, 'fifo');
        site.install(
          'ldmsd',
          ldmsdThat(`trap 'exit 5' TERM; ${credential} && echo done > ${site.path('runs')}; ${stays(fifo)}`),
        );
        const script = `exec "$0" ${asked.join(' ')} ${redirection}`;
        const started = start('/bin/bash', ['-c', script, program], { env: site.env });
        await until(
          'munge has worked',
          async () => (await run('cat', [site.path('runs')])).stdout === 'done\n',
        );
        expect(mungedsOf(site.root).length).toBeGreaterThan(0);
        started.kill('SIGTERM');
        expect((await started.ended).code).toBe(5);
        expect(processesNaming(site.root)).toEqual([]);
      },
    );
  }

  testNeeding(['munged'], 'a reader that stands still does not keep SIGTERM from ending all', async () => {
    const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug', LDMS_ENTRYPOINT_STOP_TIMEOUT: '10m' });
    // More than the pipes and we take, from behind the back of one that serves, and at its end again.
    const flood = `{ i=0; while [ $i -lt 60 ]; do ${longLine(100_000, 'x')}; i=$((i + 1)); done; } >&2`;
    await mungedSaying(site, `(${flood}) &`);
    site.install('ldmsd', ldmsdThat(`echo > ${site.path('runs')}; exec sleep 300`));
    // Nobody reads; the shell holds the other end.
    const unread = await makeFifo(site, 'unread');
    const script = `exec 3<> ${unread}; exec "$0" ${asked.join(' ')} 2>&3 3>&-`;
    const holder = start('sh', ['-c', `exec 3<> ${unread}; echo held; exec sleep 300`]);
    await until('the reader is there', () => holder.stdout() === 'held\n');
    const started = start('/bin/sh', ['-c', script, program], { env: site.env });
    await until('ldmsd runs', async () => (await run('test', ['-e', site.path('runs')])).code === 0);
    await until('the flood stands still', () =>
      below(started.pid).some(({ comm }) => comm === 'head' || comm === 'tr'),
    );
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(143);
    expect(processesNaming(site.path('bin'))).toEqual([]);
    holder.kill('SIGKILL');
    await holder.ended;
  });
});

describe('stdout', () => {
  testNeeding(['munged'], "belongs to main: no service's words are on it", async () => {
    const site = supervised();
    await mungedSaying(site, 'echo words of a service');
    site.install('ldmsd', ldmsdThat('echo words of main'));
    const { stdout, stderr } = await site.run(asked);
    expect(stdout).toBe('words of main\n');
    expect(stderr).toContain(marked('words of a service'));
  });
});
