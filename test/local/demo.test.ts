/** The demo that the README invites everybody to run. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { processesNaming } from '../support/machine.ts';
import { installed, testNeeding } from '../support/needs.ts';
import { repository, run, start, until } from '../support/program.ts';

const demo = join(repository, 'test/demo/demo.ts');
// Some thirty processes are started, one after the other.
const patienceMs = 90_000;

/** A directory for temporary files of a demo's own. */
function makeTmp(): string {
  const tmp = mkdtempSync(join(tmpdir(), 'demo-test-'));
  // munge's user has to get through it.
  chmodSync(tmp, 0o755);
  return tmp;
}

/** The same for one test, with an environment that names it. */
function ownTmp(): { tmp: string; env: NodeJS.ProcessEnv } {
  const tmp = makeTmp();
  onTestFinished(() => rmSync(tmp, { recursive: true, force: true }));
  return { tmp, env: { ...process.env, TMPDIR: tmp } };
}

/** Nothing of a demo is left in its directory for temporary files, and no process that names it. */
function expectNothingLeft(tmp: string): void {
  expect(readdirSync(tmp)).toEqual([]);
  expect(processesNaming(tmp)).toEqual([]);
}

type Shown = Promise<{ code: number; stdout: string }>;
let shown: Shown | undefined;

/** What `npm run demo -- --once` shows; it is run once for all that look at it. */
function showOnce(): Shown {
  shown ??= (async () => {
    const tmp = makeTmp();
    try {
      const { code, stdout } = await run(process.execPath, [demo, '--once'], {
        env: { ...process.env, TMPDIR: tmp },
      });
      expectNothingLeft(tmp);
      return { code, stdout };
    } finally {
      rmSync(tmp, { recursive: true, force: true });
    }
  })();
  return shown;
}

test(
  '`npm run demo -- --once` shows sets arriving through both levels, ends with 0, and leaves nothing behind',
  async () => {
    const { code, stdout } = await showOnce();
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/ldmsd.*(real|stand-in)/);
    expect(stdout).toMatch(/agg-11 .*producer samp-1: \d+ values/);
    expect(stdout).toMatch(/agg-2 .*ldms_ls, exit 0: samp-1\/meminfo, .*samp-4\/meminfo/);
    expect(stdout.match(/health, exit 0: healthy/g)).toHaveLength(
      7 + Number(installed('etcd')) + Number(installed('uwsgi')),
    );
    expect(stdout).toMatch(/nothing is left running/);
  },
  patienceMs,
);

testNeeding(
  ['etcd'],
  'the demo brings up maestro with a real etcd, and changes its configuration',
  async () => {
    const { stdout } = await showOnce();
    const steps = [
      /maestro +etcd is ready, after \d+ ms/,
      /maestro +maestro_ctrl is done, after \d+ ms/,
      /maestro +maestro runs, as process \d+/,
      /maestro +\$ kill -HUP \d+/,
      /maestro +SIGHUP: the new configuration is in force/,
      /maestro +health, exit 0: healthy: .*etcd is healthy/,
      /maestro +SIGTERM: stopping/,
    ];
    expect(steps.map((step) => stdout.search(step)).filter((at) => at < 0)).toEqual([]);
    expect(steps.map((step) => stdout.search(step))).toEqual(
      steps.map((step) => stdout.search(step)).sort((a, b) => a - b),
    );
  },
  patienceMs,
);

test(
  'where there is neither munge nor etcd, the demo says so and shows the rest',
  async () => {
    const { tmp, env } = ownTmp();
    const bin = mkdtempSync(join(tmpdir(), 'demo-test-bin-'));
    onTestFinished(() => rmSync(bin, { recursive: true, force: true }));
    // What the stand-ins need.
    symlinkSync(process.execPath, join(bin, 'node'));
    symlinkSync('/usr/bin/readlink', join(bin, 'readlink'));
    const { code, stdout } = await run(process.execPath, [demo, '--once'], { env: { ...env, PATH: bin } });
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/munged, munge +missing/);
    expect(stdout).toMatch(/etcd +missing +there is no maestro node/);
    expect(stdout).not.toMatch(/-a munge -n|\[maestro/);
    expect(stdout.match(/health, exit 0: healthy/g)).toHaveLength(7);
    expectNothingLeft(tmp);
  },
  patienceMs,
);

test(
  'the demo ends cleanly on Ctrl-C',
  async () => {
    const { tmp, env } = ownTmp();
    const running = start(process.execPath, [demo], { env });
    await until(
      'the demo shows the first set',
      () => /producer samp-1: \d+ values/.test(running.stdout()),
      patienceMs,
    );
    running.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/SIGINT came/);
    expect(stdout).toMatch(/nothing is left running/);
    expectNothingLeft(tmp);
  },
  patienceMs,
);

testNeeding(
  ['etcd'],
  'the demo tells of a node that fails in its own words',
  async () => {
    const { tmp, env } = ownTmp();
    const options = { env: { ...env, STANDIN_CTRL: 'put-error' } };
    const { code, stdout } = await run(process.execPath, [demo, '--once'], options);
    expect(code, stdout).toBe(1);
    expect(stdout).toMatch(/maestro +waited for .*, but maestro ended with 82/);
    expect(stdout).toMatch(
      /the last lines of maestro[\s\S]*maestro_ctrl did not put \/etc\/ldms_cfg\.yaml into etcd/,
    );
    expect(stdout).toMatch(/nothing is left running/);
    expectNothingLeft(tmp);
  },
  patienceMs,
);
