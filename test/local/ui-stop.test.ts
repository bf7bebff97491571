/** `ui` with the real uwsgi: that it ends when it is told to, at any moment, and finishes its requests first. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { below, childOf, makeFifo, see, supervised, supervising, there } from '../support/probe.ts';
import { type Result, type Started, until } from '../support/program.ts';
import { message } from '../support/site.ts';
import { aliveBelow, answers, handles, makeUi, masterOf, serves, type Ui, uwsgi } from '../support/ui.ts';

const TERM = 15;
const PIPE = 13;

/** The ways in which a container is run. */
interface Shape {
  readonly name: string;
  readonly needs: readonly string[];
  readonly settings: NodeJS.ProcessEnv;
  readonly isFirst: boolean;
}

const shapes: readonly Shape[] = ['exec', 'supervised'].flatMap((way) =>
  [false, true].map((isFirst) => ({
    name: `${way}, ${isFirst ? 'as PID 1' : 'as another PID'}`,
    needs: isFirst ? ['namespaces', ...uwsgi] : uwsgi,
    // A stop that hangs is to be seen as one.
    settings: way === 'exec' ? {} : { LDMS_ENTRYPOINT_SUPERVISE: '1', LDMS_ENTRYPOINT_STOP_TIMEOUT: '15s' },
    isFirst,
  })),
);
const [plain, , stays] = shapes;
const exec = there(plain, 'exec');
const supervising1 = there(stays, 'supervised');

interface Running {
  readonly started: Started;
  /** Whom docker stop tells: us, or who has taken our place. */
  readonly leader: number;
}

async function begin(ui: Ui, shape: Shape, args: readonly string[] = []): Promise<Running> {
  if (!shape.isFirst) {
    const started = ui.start(args, shape.settings);
    return { started, leader: started.pid };
  }
  const started = ui.startAsFirst(args, shape.settings);
  return { started, leader: await childOf(started) };
}

/** Everything that runs there. */
const processes = ({ started }: Running): number[] => aliveBelow(started.pid).map(({ pid }) => pid);

/** Tells it to end, waits until it has, and looks that nothing is left. */
async function stop(ui: Ui, running: Running): Promise<Result> {
  const all = processes(running);
  process.kill(running.leader, 'SIGTERM');
  const result = await running.started.ended;
  expect(all.filter(isAlive), 'processes that are left').toEqual([]);
  await expect(ui.ask(), 'the port').rejects.toThrow(/ECONNREFUSED/);
  return result;
}

const isGraceful = ({ started }: Running): Promise<boolean> =>
  until('the stop has begun', () => started.stderr().includes('graceful shutdown triggered'));

describe.each(shapes)('SIGTERM, $name', (shape) => {
  testNeeding(shape.needs, 'ends an idle one with 0, and nothing is left', async () => {
    const ui = await makeUi();
    const running = await begin(ui, shape, ['--processes=2']);
    await serves(ui, running.started);
    expect((await stop(ui, running)).code).toBe(0);
  });

  testNeeding(shape.needs, 'a request that is under way is answered to its end first', async () => {
    const ui = await makeUi();
    const running = await begin(ui, shape);
    await serves(ui, running.started);
    const open = await ui.gate('one');
    const answer = ui.ask('/held/one');
    await until('the request is under way', () => ui.has('one'));
    process.kill(running.leader, 'SIGTERM');
    await isGraceful(running);
    expect(processes(running).length, 'it waits for the request').toBeGreaterThan(0);
    open();
    expect(await answer).toEqual({ status: 200, body: 'one\n'.repeat(100_000), whole: true });
    expect((await running.started.ended).code).toBe(0);
  });

  testNeeding(shape.needs, 'one whose log nobody reads any more', async () => {
    const ui = await makeUi();
    const running = await begin(ui, shape, ['--processes=2']);
    await serves(ui, running.started);
    const { stdout, stderr } = running.started.child;
    for (const stream of [stdout, stderr]) stream?.destroy();
    await stop(ui, running);
  });

  testNeeding(shape.needs, 'as many as there are processes and threads: none is lost', async () => {
    const ui = await makeUi();
    const running = await begin(ui, shape, ['--processes=2', '--threads=2']);
    await serves(ui, running.started);
    const names = ['a', 'b', 'c', 'd'];
    const gates = await Promise.all(names.map((name) => ui.gate(name)));
    const asked = names.map((name) => ui.ask(`/held/${name}`));
    await until('all are under way', () => names.every((name) => ui.has(name)));
    process.kill(running.leader, 'SIGTERM');
    await isGraceful(running);
    for (const open of gates) open();
    expect((await Promise.all(asked)).map(({ status, whole, body }) => [status, whole, body.length])).toEqual(
      names.map(() => [200, true, 200_000]),
    );
    expect((await running.started.ended).code).toBe(0);
  });

  testNeeding(shape.needs, 'while sosgui is loading: ends at once', async () => {
    const ui = await makeUi();
    await ui.gate('import');
    const running = await begin(ui, shape);
    await until('sosgui is loading', () => ui.has('import'));
    // The gate stays shut.
    const { stderr } = await stop(ui, running);
    expect(stderr).not.toContain('WSGI app 0');
    expect(message(stderr)).not.toMatch(/kill/);
  });

  testNeeding(
    shape.needs,
    'while workers are loading sosgui themselves (--lazy-apps): ends at once',
    async () => {
      const ui = await makeUi();
      await ui.gate('import');
      const running = await begin(ui, shape, ['--lazy-apps', '--processes=2']);
      const master = 'worker_wakeup" (master-start)';
      await until('sosgui is loading', () => ui.has('import') && running.started.stderr().includes(master));
      await until('in both', () => running.started.stderr().match(/:2 _exit" \(post-fork\)/g)?.length === 2);
      const { stderr } = await stop(ui, running);
      expect(stderr).not.toContain('WSGI app 0');
      expect(message(stderr)).not.toMatch(/kill/);
    },
  );

  testNeeding(shape.needs, 'when the workers have only just been made: ends at once', async () => {
    const ui = await makeUi();
    await ui.gate('import');
    const running = await begin(ui, shape, ['--lazy-apps', '--processes=8']);
    const { started } = running;
    await until('the last worker is made', () => started.stderr().includes('worker_wakeup" (master-start)'));
    process.kill(running.leader, 'SIGTERM');
    // Far less than the minute after which uwsgi kills workers that have not heard of it.
    const has = () => started.child.exitCode !== null;
    await until('it ends', has, 12_000).catch((error: unknown) => {
      throw new Error(`${error}; it said: ${started.stderr()}`);
    });
    expect(message(started.stderr())).not.toMatch(/kill/);
  });
});

describe('how uwsgi would do without our options', () => {
  const bare = (ui: Ui) => [
    '--plugins=python3',
    '--module=sosgui.wsgi',
    '--master',
    '--need-app',
    ui.listener,
  ];

  testNeeding(uwsgi, 'SIGTERM has it reload and stay', async () => {
    const ui = await makeUi();
    const uwsgiAlone = ui.startUwsgi(bare(ui));
    const before = (await answers(ui, uwsgiAlone, '/pid')).body;
    await until('its worker is there', () => below(uwsgiAlone.pid).length > 0);
    uwsgiAlone.kill('SIGTERM');
    await until('another worker answers', async () => {
      const answer = await ui.ask('/pid').catch(() => undefined);
      return answer?.status === 200 && answer.body !== before;
    });
    expect(isAlive(uwsgiAlone.pid)).toBe(true);
  });

  testNeeding(
    uwsgi,
    'a worker tells its log of SIGPIPE, which it gets for that if nobody reads it',
    async () => {
      const ui = await makeUi();
      const uwsgiAlone = ui.startUwsgi(bare(ui));
      await answers(ui, uwsgiAlone);
      const [worker] = below(uwsgiAlone.pid);
      await until('the worker is ready', () => handles(worker?.pid ?? 0, 'SigCgt', PIPE));
      const ours = await makeUi();
      const started = ours.start();
      await serves(ours, started);
      const [spared] = below(started.pid);
      expect(handles(spared?.pid ?? 0, 'SigIgn', PIPE)).toBe(true);
    },
  );

  testNeeding(uwsgi, 'SIGTERM is nothing to it while it loads', async () => {
    const ui = await makeUi();
    const open = await ui.gate('import');
    const uwsgiAlone = ui.startUwsgi(bare(ui));
    await until('sosgui is loading', () => ui.has('import'));
    expect(handles(uwsgiAlone.pid, 'SigIgn', TERM)).toBe(true);
    uwsgiAlone.kill('SIGTERM');
    open();
    expect((await answers(ui, uwsgiAlone)).status).toBe(200);
  });

  testNeeding(uwsgi, 'an idle one ends only when it looks around, which it does once a second', async () => {
    const ui = await makeUi();
    const took = async (started: Started) => {
      await serves(ui, started);
      // Its workers are at rest: the signal that they get is not met by a loading one.
      await until('a worker has begun', () => started.stderr().includes('(post-fork)'));
      const at = performance.now();
      started.kill('SIGTERM');
      expect((await started.ended).code).toBe(0);
      return performance.now() - at;
    };
    const withHook: number[] = [];
    const without: number[] = [];
    for (const _ of [1, 2]) {
      const ours = ui.start();
      await serves(ui, ours);
      const words = readFileSync(`/proc/${ours.pid}/cmdline`, 'utf8').split('\0').slice(1, -1);
      withHook.push(await took(ours));
      const others = words.filter((word) => !word.includes('unix_signal:17'));
      expect(others).toHaveLength(words.length - 1);
      // The last of its hooks is then another.
      const mark = '--hook-master-start=print:worker_wakeup" (master-start)';
      without.push(await took(ui.startUwsgi([...others, mark])));
    }
    expect(Math.min(...withHook), `${withHook} and ${without}`).toBeLessThan(Math.min(...without) / 2);
  });
});

/** What can be seen of a start. */
interface Look {
  readonly leader: number;
  readonly said: string;
  readonly has: (mark: string) => boolean;
}

const childrenOf = (pid: number): number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};
const isUwsgi = ({ leader }: Look): boolean =>
  [leader, ...childrenOf(leader)].some((pid) => see(pid)?.comm === 'uwsgi');
const said =
  (words: string) =>
  ({ said: all }: Look): boolean =>
    all.includes(words);

/** The moments of a start, in their order; each holds from then on. */
const moments: readonly [string, (look: Look) => boolean][] = [
  ['we take signals', ({ leader }) => handles(leader, 'SigCgt', TERM)],
  ['python3 looks at settings.py', (look) => childrenOf(look.leader).length > 0 || isUwsgi(look)],
  ['uwsgi is executed', isUwsgi],
  ['uwsgi has read its options', said('(asap)')],
  ['uwsgi tells its version', said('*** Starting uWSGI')],
  ['the port is bound', said('bound to TCP address')],
  ['Python is there', said('Python version')],
  ['Python is ready', said('Python main interpreter initialized')],
  ['sosgui is imported', ({ has }) => has('import')],
  ['sosgui is loaded', said('WSGI app 0')],
  ['the hook behind that has run', said('(post app)')],
  ['the master is made', said('spawned uWSGI master')],
  ['the first worker is made', said('spawned uWSGI worker 1')],
  ['the second worker is made', said('spawned uWSGI worker 2')],
  ["the master's hooks run", said('gracefully_kill_them_all" (master-start)')],
  ["the master's hooks have run", said('worker_wakeup" (master-start)')],
  ['a worker begins', said('(post-fork)')],
];

/** Waits for a moment without letting another go by. */
async function comesTo(what: string, isThere: () => boolean): Promise<void> {
  const last = Date.now() + 20_000;
  while (!isThere()) {
    if (Date.now() > last) throw new Error(`waited 20 s, and still not: ${what}`);
    await new Promise(setImmediate);
  }
}

/**
 * Before uwsgi has read its options it takes no signals at all, so that only one who stays can see to its
 * end. As PID 1 we are deaf in Node's first moments; when that ends does not show, as Node has a handler too.
 */
function sweptIn({ name, isFirst }: Shape): typeof moments {
  if (name.startsWith('exec')) return moments.slice(3);
  return isFirst ? moments.slice(1) : moments;
}

const sweeps = shapes.map((shape) => ({ shape, name: shape.name, swept: sweptIn(shape) }));

describe.each(sweeps)('SIGTERM at every moment of the start ends it, $name', ({ shape, swept }) => {
  for (const [what, isThere] of swept) {
    testNeeding(shape.needs, what, async () => {
      const ui = await makeUi();
      const { started, leader } = await begin(ui, shape, ['--processes=2']);
      await comesTo(what, () => isThere({ leader, said: started.stderr(), has: ui.has }));
      const all = aliveBelow(started.pid).map(({ pid }) => pid);
      process.kill(leader, 'SIGTERM');
      const { code, stderr } = await started.ended;
      // 143 before uwsgi, 15 while it loads (its _exit has the number of the signal), 0 afterwards.
      expect([0, 15, 143], stderr).toContain(code);
      expect(message(stderr)).not.toMatch(/kill/);
      // A worker that was just being made ends when it sees that its master has.
      await until('no process is left', () => !all.some(isAlive));
      // Nor is one that was made meanwhile.
      await until('no uwsgi runs', () => aliveBelow(process.pid).every(({ comm }) => comm !== 'uwsgi'));
      await expect(ui.ask(), 'the port').rejects.toThrow('ECONNREFUSED');
    });
  }
});

describe('a SIGTERM that is lost', () => {
  testNeeding(
    uwsgi,
    'on a uwsgi that is still reading its options is sent again, until it is heard',
    async () => {
      const ui = await makeUi({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug' });
      const gate = await ui.gate('options');
      // So that it comes no further than that.
      await ui.gate('import');
      const script = ui.site.install(
        'options',
        `#!/bin/sh\necho '[uwsgi]'\nread -r _ < ${ui.site.path('points/options.gate')}\n`,
      );
      const { started } = await begin(ui, supervising1, ['--ini', `exec://${script}`]);
      const master = await until('uwsgi reads its options', () => {
        const pid = masterOf(started);
        return pid !== undefined && started.stderr().includes('getting INI configuration') && pid;
      });
      expect(handles(master, 'SigIgn', TERM), 'it ignores SIGTERM by then').toBe(true);
      started.kill('SIGTERM');
      await until('the stop has begun', () => message(started.stderr()).includes('SIGTERM: stopping'));
      expect(isAlive(master)).toBe(true);
      gate();
      const { code, stderr } = await started.ended;
      expect(code, stderr).toBe(15);
      expect(stderr).not.toContain('spawned uWSGI worker');
      expect(isAlive(master)).toBe(false);
    },
  );

  /** A main that says `heard` for each SIGTERM, and ends with 5 when it is told to. */
  async function mainThat(begins: string): Promise<{ started: Started; say: () => void }> {
    const site = supervised({ LDMS_ENTRYPOINT_LOG_LEVEL: 'debug', LDMS_ENTRYPOINT_STOP_TIMEOUT: '60s' });
    const gate = await makeFifo(site, 'gate');
    const script = `exec 3<>'${gate}'\n${begins}\necho ends\nexit 5\n`;
    const main = site.install('main', `#!/bin/bash\n${script}`);
    const started = site.start(supervising(main).slice(1));
    await until('main is ready', () => started.stdout().includes('ready'));
    const say = () => {
      const fd = openSync(gate, 'r+');
      writeSync(fd, '\n');
      closeSync(fd);
    };
    return { started, say };
  }
  const line = 'until read -r _ <&3; do :; done';
  const heard = "trap 'echo heard' TERM";

  test('on a main that ignores it for a while is sent again, and then no more', async () => {
    const { started, say } = await mainThat(
      `trap '' TERM\necho ready\n${line}\n${heard}\necho listens\n${line}`,
    );
    started.kill('SIGTERM');
    await until('the stop has begun', () => message(started.stderr()).includes('SIGTERM: stopping'));
    say();
    await until('main has heard of it', () => started.stdout().includes('heard'));
    say();
    const { code, stdout } = await started.ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'ready\nlistens\nheard\nends\n' });
  });

  test('the negative control: a main that takes it at once gets exactly one', async () => {
    const { started, say } = await mainThat(`${heard}\necho ready\n${line}`);
    started.kill('SIGTERM');
    await until('main has heard of it', () => started.stdout().includes('heard'));
    // What is sent again comes every 20 ms, and would be heard meanwhile.
    const began = performance.now();
    await until('several such times have passed', () => performance.now() - began > 200);
    say();
    const { code, stdout } = await started.ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'ready\nheard\nends\n' });
  });
});

describe('other ends', () => {
  testNeeding(uwsgi, 'SIGINT, as by Ctrl-C, and SIGQUIT end it with 0 too', async () => {
    const ui = await makeUi();
    for (const shape of [exec, supervising1]) {
      for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
        const { started } = await begin(ui, shape);
        await serves(ui, started);
        started.kill(signal);
        expect((await started.ended).code, `${shape.name}, ${signal}`).toBe(0);
      }
    }
  });

  testNeeding(uwsgi, 'SIGHUP has it load sosgui anew, and SIGTERM ends it afterwards as before', async () => {
    const ui = await makeUi();
    for (const shape of [exec, supervising1]) {
      const { started, leader } = await begin(ui, shape);
      await serves(ui, started);
      const { body: before } = await ui.ask('/pid');
      started.kill('SIGHUP');
      await until(`another worker answers (${started.stderr()})`, async () => {
        const answer = await ui.ask('/pid').catch(() => undefined);
        return answer?.status === 200 && answer.body !== before;
      });
      await until(
        'the master is ready again',
        () => started.stderr().match(/worker_wakeup" \(master-start\)/g)?.length === 2,
      );
      expect((await stop(ui, { started, leader })).code, shape.name).toBe(0);
    }
  });

  testNeeding(uwsgi, "supervised: uwsgi's own end is ours, also when it is killed", async () => {
    const ui = await makeUi();
    for (const [signal, code] of [
      ['SIGINT', 0],
      ['SIGKILL', 137],
    ] as const) {
      const { started } = await begin(ui, supervising1);
      await serves(ui, started);
      const workers = below(masterOf(started) ?? 0).map(({ pid }) => pid);
      process.kill(there(masterOf(started), 'uwsgi'), signal);
      expect((await started.ended).code).toBe(code);
      expect(workers.filter(isAlive), 'workers that are left').toEqual([]);
    }
  });

  testNeeding(uwsgi, 'supervised: a request that never ends is cut off when the time is over', async () => {
    const ui = await makeUi({ LDMS_ENTRYPOINT_STOP_TIMEOUT: '1s' });
    await ui.gate('for-ever');
    const started = ui.start([], { LDMS_ENTRYPOINT_SUPERVISE: '1' });
    await serves(ui, started);
    const answer = ui.ask('/held/for-ever').catch((error: unknown) => error);
    await until('the request is under way', () => ui.has('for-ever'));
    const all = aliveBelow(started.pid).map(({ pid }) => pid);
    started.kill('SIGTERM');
    expect((await started.ended).code).toBe(137);
    expect(all.filter(isAlive)).toEqual([]);
    expect(await answer).toBeInstanceOf(Error);
  });
});
