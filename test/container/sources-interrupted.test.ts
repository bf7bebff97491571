/** Builds from sources that are ended before their end, with a real engine, and what the next build makes of them. */
import { chmodSync, existsSync, globSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Component } from '../../images/build/sources/components.ts';
import { engine } from '../support/containers.ts';
import { processesNaming } from '../support/machine.ts';
import { testNeeding } from '../support/needs.ts';
import { start, until } from '../support/program.ts';
import {
  contentOf,
  type Files,
  identityOf,
  makeSite,
  only,
  recordOf,
  type Settings,
  type Site,
} from '../support/source-builds.ts';
import { hold, type Stage, stagesOf } from '../support/sources.ts';

const needs = ['docker engine', 'git'];
const statuses = { SIGTERM: 143, SIGINT: 130 } as const;

let site: Site;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site?.remove());

/** A build of one component alone, into a tree of its own. */
function alone(component: Component) {
  const tree = join(site.home, component);
  const words = ['build', component === 'dsosds' ? 'dsosds' : 'ovis'];
  const settings = { ...only(component), OVIS: tree, DSOSDS: tree };
  return {
    tree,
    begin: (set: Settings = {}) => site.start(words, { ...settings, ...set }),
    /** To its end, which has to be good. */
    build: async (): Promise<string> => {
      const { code, stdout, stderr } = await site.images(words, settings);
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      return site.log(component);
    },
    /** What is in the tree, but for what it says of itself. */
    content: (): Files => {
      const entries = Object.entries(contentOf(tree));
      return Object.fromEntries(entries.filter(([file]) => !/sources\.json$/.test(file)));
    },
  };
}

/** The containers of a component, by their ids. */
const containersOf = async (component: Component): Promise<string[]> => {
  const filter = `--filter=name=^${site.container(component)}$`;
  const { stdout } = await engine(['ps', '--all', '--quiet', '--no-trunc', filter]);
  return stdout.split('\n').filter(Boolean);
};

/** Hears with which status a container ends, which nobody can ask later, since it is removed. */
function listen(container: string) {
  const filters = ['--filter=event=die', `--filter=container=${container}`];
  const since = `--since=${Math.floor(Date.now() / 1000) - 60}`;
  return start('docker', ['events', since, ...filters, '--format={{.Actor.Attributes.exitCode}}']);
}

/** Builds a component as far as a stage, and ends the build there as a user does. */
async function interrupt(component: Component, stage: Stage, signal: keyof typeof statuses): Promise<string> {
  const { tree, begin } = alone(component);
  const before = identityOf(tree);
  const held = hold(site.place(component), stage);
  const building = begin();
  await until(`${component} is held in ${stage}`, held.reached, 120_000);
  const [container = ''] = await containersOf(component);
  const deaths = listen(container);
  building.kill(signal);
  const { code, stderr } = await building.ended;
  held.release();
  expect(code).toBe(statuses[signal]);
  expect(stderr).toMatch(
    /^interrupted; what was finished is kept, and the next build goes on from there\n$/m,
  );
  expect(await site.containers()).toEqual([]);
  expect(identityOf(tree), 'the tree that was there').toEqual(before);
  // What is left at the end of the engine's patience is killed, and ends with 137.
  await until('its death is known', () => deaths.stdout() !== '');
  deaths.kill('SIGTERM');
  expect(deaths.stdout()).toBe('143\n');
  const log = site.log(component);
  expect(log).toMatch(/^interrupted$/m);
  return log;
}

/** The stages that a log tells of as begun, and as done before. */
const told = (log: string) => ({
  begun: [...log.matchAll(/^stage: (\w+)$/gm)].map(([, stage]) => stage),
  before: [...log.matchAll(/^(\w+): done before$/gm)].map(([, stage]) => stage),
});

/** The objects that have been made. */
const objectsOf = (component: Component) =>
  Object.fromEntries(
    Object.entries(identityOf(join(site.place(component), 'obj'))).filter(([file]) => /\.l?o$/.test(file)),
  );

// Each test goes on from what the one before has left.
describe('a component that is configured and made', () => {
  const stages = stagesOf('sos');
  /** What is in the tree of a build that was not interrupted. */
  let uninterrupted: Files;
  const signals = { autogen: 'SIGTERM', configure: 'SIGINT', make: 'SIGTERM', install: 'SIGTERM' } as const;

  testNeeding(needs, 'there is a tree, and a new commit', async () => {
    const { build, content } = alone('sos');
    await build();
    uninterrupted = content();
    expect(uninterrupted).toHaveProperty(['include/sos/sos.h']);
    // Of which the same is installed.
    site.sources.commit('sos', 'NEWS', 'news\n');
  });

  for (const [at, stage] of stages.entries()) {
    testNeeding(
      needs,
      `${signals[stage]} during ${stage} ends the build, and what is done is kept`,
      async () => {
        const objects = objectsOf('sos');
        const log = await interrupt('sos', stage, signals[stage]);
        const begun = at === 0 ? [stage] : stages.slice(at - 1, at + 1);
        // The stage that was interrupted before is begun again, and those before that are not.
        expect(told(log)).toEqual({ begun, before: stages.slice(0, Math.max(0, at - 1)) });
        if (stage === 'install') {
          expect(Object.keys(objects)).not.toEqual([]);
          expect(objectsOf('sos'), 'what was compiled before').toMatchObject(objects);
        }
      },
    );
  }

  testNeeding(
    needs,
    'the next build goes on to the end, and makes what one that was not interrupted does',
    async () => {
      const { tree, build, content } = alone('sos');
      const objects = objectsOf('sos');
      const log = await build();
      expect(told(log)).toEqual({ begun: ['install'], before: ['autogen', 'configure', 'make'] });
      expect(objectsOf('sos')).toEqual(objects);
      expect(content()).toEqual(uninterrupted);
      expect(recordOf(tree).components.sos?.commit).toBe(site.sources.at('sos'));
    },
  );

  testNeeding(
    needs,
    'KILL leaves its container, which the next build removes, and compiles anew',
    async () => {
      const { tree, begin, content } = alone('sos');
      const before = identityOf(tree);
      site.sources.commit('sos', 'NEWS', 'more news\n');
      const held = hold(site.place('sos'), 'make');
      const building = begin();
      await until('it is held', held.reached, 120_000);
      building.kill('SIGKILL');
      expect((await building.ended).code).toBe(137);
      const [left] = await containersOf('sos');
      expect(left).toBeDefined();
      const objects = objectsOf('sos');
      expect(Object.keys(objects)).not.toEqual([]);
      // It is not released before it is gone: it would go on as well.
      const next = begin();
      await until(
        'another container is there',
        async () => (await containersOf('sos')).some((id) => id !== left),
        120_000,
      );
      expect(await containersOf('sos')).not.toContain(left);
      expect(identityOf(tree)).toEqual(before);
      held.release();
      const { code, stderr } = await next.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const log = site.log('sos');
      expect(log).toMatch(/^the build before was killed: compiling anew$/m);
      expect(told(log)).toEqual({ begun: ['configure', 'make', 'install'], before: ['autogen'] });
      const now = objectsOf('sos');
      expect(Object.keys(now)).toEqual(Object.keys(objects));
      expect(Object.keys(now).filter((file) => now[file] === objects[file])).toEqual([]);
      expect(content()).toEqual(uninterrupted);
      expect(recordOf(tree).components.sos?.commit).toBe(site.sources.at('sos'));
      expect(await site.containers()).toEqual([]);
    },
  );
});

describe('a component that is', () => {
  for (const [component, by] of [
    ['maestro', 'pip'],
    ['dsosds', 'npm'],
  ] as const) {
    testNeeding(needs, `installed by ${by}: TERM ends that, and the next build installs it`, async () => {
      const { build, content } = alone(component);
      await build();
      const before = content();
      site.sources.commit(component, 'NEWS', 'news\n');
      await interrupt(component, 'install', 'SIGTERM');
      expect(told(await build())).toEqual({ begun: ['install'], before: [] });
      const { NEWS, ...after } = content();
      // What is installed is the same; npm installs all of the sources.
      expect({ ...after, hasNews: NEWS !== undefined }).toEqual({ ...before, hasNews: by === 'npm' });
    });
  }
});

/** A `sync` for PATH that waits until it is released: the builder calls it when a tree is made, and not yet in place. */
function waitingSync(): { env: Settings; reached(): boolean; release(): void } {
  const directory = mkdtempSync(join(site.directory, 'bin-'));
  const [hold, held] = [join(directory, 'hold'), join(directory, 'held')];
  writeFileSync(hold, '');
  // That of the tree: a component's own, before it counts as built, is let through.
  const waits = `: >${held}\n  while [ -e ${hold} ]; do sleep 0.05; done`;
  program(join(directory, 'sync'), `case $* in *.ldms-images-new-*)\n  ${waits} ;;\nesac`);
  return {
    env: { PATH: `${directory}:${process.env['PATH']}` },
    reached: () => existsSync(held),
    release: () => rmSync(hold),
  };
}

function program(path: string, lines: string): void {
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
}

describe('maestro', () => {
  const trees = () => readdirSync(site.home).filter((name) => name.startsWith('maestro'));

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    testNeeding(
      needs,
      `${signal} while a tree is made leaves the one before, and nothing half in its place`,
      async () => {
        const { tree, begin, build, content } = alone('maestro');
        await build();
        const before = identityOf(tree);
        site.sources.commit(
          'maestro',
          'bin/maestro',
          `${site.sources.read('maestro', 'bin/maestro')}# ${signal}\n`,
        );
        const sync = waitingSync();
        try {
          const building = begin(sync.env);
          await until('the tree is made', sync.reached, 60_000);
          building.kill(signal);
          expect((await building.ended).code).toBe(signal === 'SIGTERM' ? 143 : 137);
          expect(identityOf(tree)).toEqual(before);
          expect(trees().length, 'half a tree, beside').toBe(2);
        } finally {
          sync.release();
        }
        expect(await build(), 'nothing is built again').toBe('');
        expect(trees()).toEqual([basename(tree)]);
        expect(identityOf(tree)['bin/maestro']).not.toBe(before['bin/maestro']);
        expect(content()).toHaveProperty(['bin/maestro']);
      },
    );
  }

  testNeeding(
    needs,
    'TERM while sources are fetched ends that, and the next build fetches them',
    async () => {
      const { tree, begin, build } = alone('maestro');
      await build();
      const before = identityOf(tree);
      const commit = site.sources.commit('maestro', 'NEWS', 'fetched\n');
      // git's ssh, whose other end is this machine: it waits for git to go away, as ssh does on a bad line. It
      // keeps its output open, or git would go away by itself.
      const ssh = join(site.directory, 'ssh');
      const hold = join(site.directory, 'hold-ssh');
      program(
        ssh,
        `for last; do :; done\nif [ -e ${hold} ]; then : >${hold}ing; cat >/dev/null; exit 1; fi\nexec sh -c "$last"`,
      );
      writeFileSync(hold, '');
      const repository = `ssh://git.example.invalid${site.sources.directory}/maestro`;
      const set = { GIT_SSH: ssh, MAESTRO_REPO: repository, MAESTRO_BRANCH: commit };
      const building = begin(set);
      await until('git has called ssh', () => existsSync(`${hold}ing`), 60_000);
      building.kill('SIGTERM');
      expect((await building.ended).code).toBe(143);
      await until('nothing of it runs any more', () => processesNaming(site.directory).length === 0);
      expect(identityOf(tree)).toEqual(before);
      expect(await site.containers()).toEqual([]);
      rmSync(hold);
      expect(await begin(set).ended).toMatchObject({ code: 0, stderr: '' });
      expect(site.log('maestro')).toContain(`fetching ${commit} from ${repository}\n`);
      expect(identityOf(tree)).not.toEqual(before);
      expect(globSync('**/*.lock', { cwd: join(site.place('maestro'), 'src/.git') })).toEqual([]);
    },
  );
});
