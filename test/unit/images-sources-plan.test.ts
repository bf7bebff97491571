/** What has to be built of the sources, and why. */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Config } from '../../images/build/config/config.ts';
import { type Component, components } from '../../images/build/sources/components.ts';
import { placeOf } from '../../images/build/sources/place.ts';
import { type Plan, planSources } from '../../images/build/sources/plan.ts';
import { writeJson } from '../../images/build/sources/record.ts';
import { arch, commitOf, haveBuilt, makeConfig, sourceOf, temporary } from '../support/source-plans.ts';

const builder = vi.hoisted(() => ({ directory: '', script: '' }));
vi.mock('../../images/build/metadata.ts', () => ({
  get repository() {
    return builder.directory;
  },
}));
vi.mock('../../images/build/sources/record.ts', async (original) => ({
  ...(await original<object>()),
  scriptDigest: () => builder.script,
}));

/** What a plan is made for, as far as tests differ. */
interface Wanted {
  readonly commits?: Partial<Record<Component, string>>;
  readonly config?: Partial<Config>;
  readonly toolchain?: string;
  readonly without?: readonly Component[];
}

const plan = ({ commits = {}, config, toolchain = 'packages', without = [] }: Wanted = {}) =>
  planSources(
    components.filter((name) => !without.includes(name)).map((name) => sourceOf(name, commits[name])),
    makeConfig(config),
    (component) => (component === 'dsosds' ? `npm-${toolchain}` : toolchain),
  );

const told = (plans: readonly Plan[]) =>
  Object.fromEntries(
    plans.map(({ source, state, why }) => [source.component, why ? `${state}: ${why}` : state]),
  );

/** What is told of those that are not up to date. */
const toBuild = (wanted?: Wanted) =>
  Object.fromEntries(Object.entries(told(plan(wanted))).filter(([, state]) => state !== 'up to date'));

beforeEach(() => {
  builder.directory = temporary();
  builder.script = 'script';
});

test('nothing has been built: everything is, in order', () => {
  const plans = plan();
  expect(plans.map(({ source }) => source.component)).toEqual([...components]);
  for (const state of Object.values(told(plans))) expect(state).toBe('is built: it has not been built yet');
});

describe('behind a build', () => {
  beforeEach(() => {
    for (const each of plan()) haveBuilt(each, { file: each.source.component });
  });

  test('everything is up to date', () => {
    expect(toBuild()).toEqual({});
  });

  const options = (component: Component, words: readonly string[]): Partial<Config> => {
    const { sources } = makeConfig();
    return { sources: { ...sources, [component]: { ...sources[component], options: words } } };
  };
  const onSos = {
    ovis: 'is built: sos changed',
    numsos: 'is built: sos changed',
    'sosdb-ui': 'is built: sos and numsos changed',
    'sosdb-grafana': 'is built: sos and numsos and sosdb-ui changed',
  };
  const autotools = components.filter((name) => name !== 'maestro' && name !== 'dsosds');

  test.each<[string, Wanted, Record<string, string>]>([
    [
      "maestro's commit",
      { commits: { maestro: commitOf('2') } },
      { maestro: 'is built: 111111111111 became 222222222222' },
    ],
    [
      "SOS's commit, and what is built on SOS",
      { commits: { sos: commitOf('2') } },
      { sos: 'is built: 111111111111 became 222222222222', ...onSos },
    ],
    [
      "numsos' commit, on which ovis is not built",
      { commits: { numsos: commitOf('2') } },
      {
        numsos: 'is built: 111111111111 became 222222222222',
        'sosdb-ui': 'is built: numsos changed',
        'sosdb-grafana': 'is built: numsos and sosdb-ui changed',
      },
    ],
    ['options of ovis', { config: options('ovis', []) }, { ovis: 'is built: other ovis options' }],
    [
      'options of SOS',
      { config: options('sos', ['--with-sos', 'CFLAGS=-g']) },
      { sos: 'is built: other sos options', ...onSos },
    ],
    ['options of a component that takes none', { config: options('maestro', ['-x']) }, {}],
    [
      'MAKE_INSTALL',
      { config: { makeInstall: ['make', 'install'] } },
      {
        sos: 'is built: another MAKE_INSTALL',
        ...onSos,
        ovis: 'is built: another MAKE_INSTALL, sos changed',
      },
    ],
    ['where trees are put, and how images are called', { config: { ovis: '/other', tag: '2' } }, {}],
  ])('%s', (_, wanted, expected) => {
    expect(toBuild(wanted)).toEqual(expected);
  });

  test('PREFIX: everything, since everything is installed there', () => {
    const states = toBuild({ config: { prefix: '/opt/o' } });
    expect(Object.keys(states)).toEqual([...components]);
    expect(states['maestro']).toBe('is built: another PREFIX');
    expect(states['sos']).toBe('is built: other sos options, another PREFIX');
  });

  test('PREFIX_UI: what is installed there', () => {
    expect(toBuild({ config: { prefixUi: '/opt/ovis/web' } })).toEqual({
      'sosdb-ui': 'is built: other sosdb-ui options',
      'sosdb-grafana': 'is built: other sosdb-grafana options, sosdb-ui changed',
    });
  });

  test("the build image's packages, and the script", () => {
    const states = toBuild({ toolchain: 'others' });
    expect(Object.keys(states)).toEqual([...components]);
    expect(states['maestro']).toBe("is built: the build image's packages changed");
    builder.script = 'other';
    expect(toBuild()['dsosds']).toBe('is built: the builder changed');
    expect(Object.keys(toBuild())).toEqual([...components]);
  });

  test('a component that is left out: the others are planned, those on it as changed', () => {
    const plans = plan({ without: ['sos', 'sosdb-grafana'] });
    expect(told(plans)).toEqual({
      maestro: 'up to date',
      ovis: 'is built: sos changed',
      numsos: 'is built: sos changed',
      'sosdb-ui': 'is built: numsos and sos changed',
      dsosds: 'up to date',
    });
    const numsos = plans.find(({ source }) => source.component === 'numsos');
    const ui = plans.find(({ source }) => source.component === 'sosdb-ui');
    expect(numsos?.inputs.after).toEqual({});
    expect(Object.keys(ui?.inputs.after ?? {})).toEqual(['numsos']);
    // It is not needed by its being there alone.
    expect(toBuild({ without: ['maestro', 'dsosds', 'sosdb-grafana'] })).toEqual({});
  });

  test('back to what was built before: nothing', () => {
    const [, sos] = plan({ commits: { sos: commitOf('2') } });
    writeJson(placeOf(arch, 'sos').begun, sos?.inputs);
    expect(toBuild()).toEqual({});
  });

  test('files or records that are gone or cut off: it was not built to its end', () => {
    rmSync(placeOf(arch, 'maestro').dest, { recursive: true });
    truncateSync(placeOf(arch, 'dsosds').built, 40);
    const unfinished = 'goes on: it was not built to its end';
    expect(toBuild()).toEqual({ maestro: unfinished, dsosds: unfinished });
    rmSync(placeOf(arch, 'maestro').begun);
    writeFileSync(placeOf(arch, 'dsosds').begun, '');
    const anew = 'is built: it has not been built yet';
    expect(toBuild()).toEqual({ maestro: anew, dsosds: anew });
  });

  test('a build of other inputs that was begun: it goes on with those alone', () => {
    const wanted = { commits: { numsos: commitOf('2') } };
    const begun = plan(wanted).find(({ source }) => source.component === 'numsos') as Plan;
    writeJson(placeOf(arch, 'numsos').begun, begun.inputs);
    expect(toBuild(wanted)['numsos']).toBe('goes on: it was not built to its end');
    expect(toBuild({ commits: { numsos: commitOf('3') } })['numsos']).toBe(
      'is built: 111111111111 became 333333333333',
    );
  });

  test('another architecture has its own', () => {
    expect(Object.keys(toBuild({ config: { arch: 'arm64' } }))).toEqual([...components]);
  });

  test('each of the components that configure builds depends on its options', () => {
    for (const component of autotools) {
      expect(toBuild({ config: options(component, ['-x']) })[component], component).toMatch(
        new RegExp(`^is built: other ${component} options`),
      );
    }
  });
});
