import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openOutput } from '../../src/process/output.ts';

type Written = (error: Error | null, bytes: number) => void;

/** What was written to descriptors 1 and 2, and how the next writes shall go. */
const ours = vi.hoisted(() => ({
  1: [] as Buffer[],
  2: [] as Buffer[],
  isSame: false,
  /** An errno that the write fails with, or how many bytes it takes at most. */
  next: [] as (string | number)[],
  writes: 0,
  /** Writes that wait, while the reader stands still. */
  held: undefined as (() => void)[] | undefined,
}));

vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  fstatSync: (descriptor: number) => ({ dev: 1, ino: ours.isSame ? 1 : descriptor }),
  write: (descriptor: 1 | 2, bytes: Buffer, done: Written) => {
    ours.writes++;
    const go = () => {
      const next = ours.next.shift() ?? bytes.length;
      if (typeof next === 'string') return done(Object.assign(new Error(next), { code: next }), 0);
      ours[descriptor].push(Buffer.from(bytes.subarray(0, next)));
      done(null, Math.min(next, bytes.length));
    };
    if (ours.held) ours.held.push(go);
    else setImmediate(go);
  },
}));

beforeEach(() => {
  Object.assign(ours, { 1: [], 2: [], isSame: false, next: [], writes: 0, held: undefined });
});

const text = (descriptor: 1 | 2) => Buffer.concat(ours[descriptor]).toString();
const flushMs = 20_000;

/** Passes chunks on as a daemon's stream, and tells what came of it. */
async function pass(chunks: readonly (string | Buffer)[], mark = 'etcd') {
  const output = openOutput();
  const heard: string[] = [];
  const stream = new PassThrough();
  const followed = output.follow(stream, 1, mark, (line) => heard.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await followed.ended;
  expect(await output.flush(flushMs)).toBe(true);
  return { bytes: Buffer.concat(ours[1]), heard, last: followed.lastLines() };
}

describe("a daemon's lines", () => {
  test.each([
    ['one', ['a line\n'], '[etcd] a line\n'],
    ['several in a chunk', ['a\nb\nc\n'], '[etcd] a\n[etcd] b\n[etcd] c\n'],
    ['one in several chunks', ['a', ' li', 'ne', '\n'], '[etcd] a line\n'],
    ['an end in the next chunk', ['a\nb', '\nc\n'], '[etcd] a\n[etcd] b\n[etcd] c\n'],
    ['a tail without newline', ['a\nb'], '[etcd] a\n[etcd] b\n'],
    ['empty ones', ['\n\na\n\n'], '[etcd] \n[etcd] \n[etcd] a\n[etcd] \n'],
    ['CRLF', ['a\r\nb\r\n'], '[etcd] a\r\n[etcd] b\r\n'],
    ['carriage returns alone', ['1%\r2%\r3%\n'], '[etcd] 1%\r2%\r3%\n'],
    ['nothing', [], ''],
  ])('are passed on whole, each with its mark: %s', async (_, chunks, passed) => {
    expect((await pass(chunks)).bytes.toString()).toBe(passed);
  });

  test('bytes that are no UTF-8 are passed as they are', async () => {
    const line = Buffer.from([0x61, 0xff, 0x00, 0xc3, 0x28, 0x80]);
    const { bytes } = await pass([line, Buffer.from([0x0a])]);
    expect(bytes).toEqual(Buffer.concat([Buffer.from('[etcd] '), line, Buffer.from('\n')]));
  });

  test('a letter that a chunk ends within stays one', async () => {
    const line = Buffer.from('mü\n');
    expect((await pass([line.subarray(0, 2), line.subarray(2)])).bytes.toString()).toBe('[etcd] mü\n');
  });

  test('a line of a megabyte', async () => {
    const line = 'x'.repeat(1 << 20);
    const chunks = Array.from({ length: 16 }, (_, at) => line.slice(at << 16, (at + 1) << 16));
    const { bytes, heard } = await pass([...chunks, '\n', 'next\n']);
    expect(bytes.length).toBe('[etcd] \n'.length + line.length + '[etcd] next\n'.length);
    expect(bytes.toString().split('\n')).toEqual([`[etcd] ${line}`, '[etcd] next', '']);
    expect(heard[0]?.length).toBeLessThan(1000);
  });

  test('one that does not end for 16 MB is passed on in pieces, and none is lost', async () => {
    const piece = 'x'.repeat(1 << 20);
    const { bytes } = await pass(Array.from({ length: 18 }, () => piece));
    const lines = bytes.toString().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    expect(bytes.toString().replaceAll(/\[etcd\] |\n/g, '').length).toBe(18 << 20);
  });

  test('those of several daemons are never mixed, whatever the chunks', async () => {
    ours.isSame = true;
    const output = openOutput();
    const streams = ['etcd', 'maestro', 'munged'].map((mark, at) => {
      const stream = new PassThrough();
      output.follow(stream, at === 1 ? 2 : 1, mark);
      return { mark, stream };
    });
    for (let round = 0; round < 50; round++) {
      for (const { mark, stream } of streams) {
        stream.write(`${mark} ${round} beg`);
        await new Promise(setImmediate);
      }
      for (const { stream } of streams) stream.write('un, and ended\nhalf ');
      for (const { stream } of streams) stream.write('a line\n');
    }
    for (const { stream } of streams) stream.end();
    await Promise.all(streams.map(({ stream }) => new Promise((resolve) => stream.on('close', resolve))));
    await output.flush(flushMs);
    const lines = text(1).split('\n').filter(Boolean);
    expect(lines).toHaveLength(300);
    for (const line of lines) {
      expect(line).toMatch(/^\[(\w+)\] (\1 \d+ begun, and ended|half a line)$/);
    }
    expect(text(2), 'one writer for what is one place').toBe('');
  });

  test('stdout stays stdout, and stderr stderr', async () => {
    const output = openOutput();
    const [out, err] = [new PassThrough(), new PassThrough()];
    const both = [output.follow(out, 1, 'a').ended, output.follow(err, 2, 'a').ended];
    out.end('said\n');
    err.end('complained\n');
    await Promise.all(both);
    await output.flush(flushMs);
    expect([text(1), text(2)]).toEqual(['[a] said\n', '[a] complained\n']);
  });

  test('a stream that breaks has ended, and what it had begun is passed on', async () => {
    const output = openOutput();
    const stream = new PassThrough();
    const { ended } = output.follow(stream, 1, 'a');
    stream.write('begun');
    await new Promise(setImmediate);
    stream.destroy(new Error('EIO'));
    await ended;
    await output.flush(flushMs);
    expect(text(1)).toBe('[a] begun\n');
  });
});

describe('the last lines', () => {
  test.each([
    ['there are none', [], []],
    ['one', ['a\n'], ['a']],
    ['the latest, in their order', ['1\n2\n3\n4\n5\n6\n7\n8\n9\n'], ['7', '8', '9']],
    ['a tail without newline is one', ['a\nb'], ['a', 'b']],
    [
      "of a Go program's panic, why",
      ['a\npanic: no db\n\ngoroutine 1\n\tmain.go:1 +0x2\nx\n'],
      ['panic: no db'],
    ],
    [
      'of its fatal error too',
      ['a\nfatal error: out of memory\ngoroutine 1\nx\ny\n'],
      ['fatal error: out of memory'],
    ],
    ['the word alone is no panic', ['no panic: it runs\nb\n'], ['no panic: it runs', 'b']],
  ])('%s', async (_, chunks, lines) => {
    expect((await pass(chunks)).last).toEqual(lines);
  });

  test('each is heard once, in order, without its mark', async () => {
    expect((await pass(['a\nb', 'c\n\n', 'd'])).heard).toEqual(['a', 'bc', '', 'd']);
  });

  test('of a long line, the beginning is kept', async () => {
    const { last } = await pass([`begin ${'x'.repeat(5000)}\n`]);
    expect(last).toHaveLength(1);
    expect(last[0]).toMatch(/^begin x+$/);
    expect(last[0]?.length).toBeLessThan(1000);
  });
});

describe('our own output', () => {
  test('a reader that takes a few bytes at a time gets all, in order', async () => {
    const output = openOutput();
    ours.next = [1, 2, 3, 1, 4];
    output.write(2, 'first mü\n');
    output.write(2, Buffer.from('second\n'));
    await output.flush(flushMs);
    expect(text(2)).toBe('first mü\nsecond\n');
  });

  test('a full pipe that somebody has made non-blocking is tried again', async () => {
    const output = openOutput();
    ours.next = ['EAGAIN', 'EAGAIN', 3, 'EAGAIN'];
    output.write(1, 'plain words\n');
    expect(await output.flush(flushMs)).toBe(true);
    expect(text(1)).toBe('plain words\n');
  });

  test('a disk that was full for a moment loses lines, and takes the next ones', async () => {
    const output = openOutput();
    ours.next = ['ENOSPC'];
    output.write(1, 'lost\n');
    await output.flush(flushMs);
    output.write(1, 'there again\n');
    expect(await output.flush(flushMs)).toBe(true);
    expect(text(1)).toBe('there again\n');
  });

  test.each(['EPIPE', 'EBADF', 'EIO'])(
    'a reader that has gone (%s) loses lines, and holds nobody up',
    async (errno) => {
      const output = openOutput();
      ours.next = [errno];
      const stream = new PassThrough();
      const { ended, lastLines } = output.follow(stream, 1, 'a');
      for (let at = 0; at < 100; at++) stream.write(`${'x'.repeat(100_000)}\n`);
      stream.end('its last word\n');
      await ended;
      expect(await output.flush(flushMs)).toBe(true);
      expect(text(1)).toBe('');
      expect(ours.writes).toBe(1);
      expect(lastLines().at(-1)).toBe('its last word');
      output.write(2, 'the other one\n');
      await output.flush(flushMs);
      expect(text(2)).toBe('the other one\n');
    },
  );

  test('flushing what nothing waits for', async () => {
    expect(await openOutput().flush(0)).toBe(true);
  });

  test('a reader that stands still: flushing gives up at its limit, and the daemon has to wait', async () => {
    ours.held = [];
    const output = openOutput();
    const stream = new PassThrough();
    output.follow(stream, 1, 'a');
    const line = `${'x'.repeat(99_999)}\n`;
    let pushed = 0;
    while (!stream.isPaused() && pushed < 1000) {
      stream.write(line);
      pushed++;
      await new Promise(setImmediate);
    }
    // About a megabyte is taken from it meanwhile, and no more.
    expect(pushed).toBeGreaterThan(5);
    expect(pushed).toBeLessThan(50);
    expect(await output.flush(1)).toBe(false);
    expect(ours.writes, 'one write is under way').toBe(1);

    const held = ours.held;
    ours.held = undefined;
    for (const go of held) go();
    expect(await output.flush(flushMs)).toBe(true);
    stream.end();
    await new Promise((resolve) => stream.on('close', resolve));
    await output.flush(flushMs);
    expect(text(1).length).toBe(pushed * ('[a] '.length + line.length));
  });
});

describe('real descriptors', () => {
  const module = JSON.stringify(join(import.meta.dirname, '../../src/process/output.ts'));
  /** Runs a script in which `output` is open and `fs` is node:fs, with what a shell makes of its descriptors. */
  const script = (body: string, command: string) => {
    const code = `import * as fs from 'node:fs'; import { PassThrough } from 'node:stream';
      import { openOutput } from ${module}; const output = openOutput(); ${body}`;
    const run = `"$0" --input-type=module --eval "$1"`;
    const args = ['-c', command.replace('RUN', run), process.execPath, code];
    return spawnSync('sh', args, { encoding: 'utf8', timeout: 60_000 });
  };
  const say = `const stream = new PassThrough(); const { ended } = output.follow(stream, 1, 'a');
    stream.end('x'.repeat(200000) + '\\nend'); await ended; output.write(2, 'ours\\n');
    const done = await output.flush(20000);`;

  test('both open: all of it arrives', () => {
    const { stdout, stderr, status } = script(`${say} process.exitCode = done ? 7 : 8;`, 'RUN');
    expect({ status, stderr }).toEqual({ status: 7, stderr: 'ours\n' });
    expect(stdout).toBe(`[a] ${'x'.repeat(200_000)}\n[a] end\n`);
  });

  test.each([
    ['closed stdout', 'RUN >&-', 'ours\n'],
    ['closed stderr', 'RUN 2>&-', ''],
    ['a full disk', 'RUN >/dev/full', 'ours\n'],
  ])('%s neither kills nor hangs us', (_, command, told) => {
    const { stderr, status } = script(`${say} process.exitCode = done ? 7 : 8;`, command);
    expect({ status, stderr }).toEqual({ status: 7, stderr: told });
  });

  test('a reader that has gone neither kills nor hangs us', () => {
    const { stdout } = script(`${say} fs.writeFileSync(3, 'done ' + done);`, '{ RUN | true; } 3>&1');
    expect(stdout).toBe('done true');
  });
});
