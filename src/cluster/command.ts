/** ldms-cluster: words → command. */
import { realpathSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { say } from '../say.ts';
import { type Compared, compare } from './compare.ts';
import { diffText } from './diff.ts';
import { type Deployment, deploymentOf } from './open.ts';
import { type Given, readWords, siteFrom, siteOptions, wayNamed } from './options.ts';
import { planJson } from './plan-json.ts';
import { type Record, readRecord, recordName } from './record.ts';
import { renderers, type Way } from './render/index.ts';
import { readSource } from './source.ts';
import { count, countText, findingsText, numeral, planText } from './told.ts';
import { exitCodes, usage } from './usage.ts';
import { writeRendered } from './write.ts';

const defaultFile = 'ldms_cfg.yaml';

/**
 * Carries out a command line of ldms-cluster.
 *
 * @param words behind its name
 * @returns the exit code
 */
export async function cluster(words: readonly string[]): Promise<number> {
  const given = await readWords(words);
  if (given.wantsHelp || words.length === 0) {
    say(1, usage());
    return 0;
  }
  const wrong = [...given.wrong, ...missing(given)];
  if (wrong.length > 0 || !given.command) return fail('usage', [...wrong, 'ldms-cluster --help tells more']);
  const { values, names } = given;
  switch (given.command) {
    case 'plan':
      return plan(names[0] ?? defaultFile, values);
    case 'check':
      return check(names[0] ?? defaultFile, values);
    case 'render':
      return render(names[0], values);
    case 'diff':
      return diff(names[0] ?? '.');
  }
}

function missing({ command, names }: Given): string[] {
  return command === 'diff' && names.length === 0 ? ['diff needs the directory that render has written'] : [];
}

function fail(kind: keyof typeof exitCodes, lines: readonly string[]): number {
  say(2, lines.map((line) => `ldms-cluster: ${line}\n`).join(''));
  return exitCodes[kind].code;
}

type Values = ReadonlyMap<string, string>;

/** Reads a file and finds what it runs; the exit code if it cannot be read. */
async function open(file: string, values: Values): Promise<Deployment | number> {
  const source = readSource(file);
  if ('wrong' in source) return fail('file', source.wrong);
  return deploymentOf(source.text, siteFrom(values), source.given);
}

async function plan(file: string, values: Values): Promise<number> {
  const deployment = await open(file, values);
  if (typeof deployment === 'number') return deployment;
  say(2, findingsText(file, deployment));
  if (deployment.mistakes.length > 0) return fail('file', [`${file} has ${countText(deployment)}`]);
  say(1, values.has('json') ? planJson(deployment) : planText(deployment, values.has('each')));
  return 0;
}

async function check(file: string, values: Values): Promise<number> {
  const deployment = await open(file, values);
  if (typeof deployment === 'number') return deployment;
  const { mistakes, warnings, containers } = deployment;
  if (values.has('json')) {
    say(1, `${JSON.stringify({ file, mistakes, warnings }, undefined, 2)}\n`);
  } else {
    const hosts = new Set(containers.map(({ node }) => node)).size;
    const good = `no mistakes; ${count(hosts, 'host')}, ${count(containers.length, 'container')}`;
    const found = mistakes.length + warnings.length > 0 ? countText(deployment) : good;
    say(1, `${findingsText(file, deployment)}${file}: ${found}\n`);
  }
  return isBad(deployment, values) ? exitCodes.file.code : 0;
}

const isBad = ({ mistakes, warnings }: Deployment, values: Values): boolean =>
  mistakes.length > 0 || (values.has('strict') && warnings.length > 0);

async function render(name: string | undefined, values: Values): Promise<number> {
  const asked = wayNamed(values.get('as'));
  const directory = values.get('output') ?? (asked && `ldms-${asked}`);
  if (directory === undefined) {
    const remedy =
      'render needs --as, such as --as docker; or --output=DIR with a directory that it has written before';
    return fail('usage', [remedy]);
  }
  const before = readRecord(directory);
  if (before && 'wrong' in before) return fail('file', [before.wrong]);
  const as = asked ?? before?.as;
  if (!as)
    return fail('usage', [`${directory} was not written by ldms-cluster; say how to render: --as=WAY`]);
  if (before && before.as !== as && !values.has('force')) {
    const remedy = 'name another directory: --output=DIR, or let --force replace it';
    return fail('notWritten', [`${directory} has what was rendered for ${before.as}; ${remedy}`]);
  }
  const recorded = values.has('anew') ? [] : Object.entries(before?.options ?? {});
  const chosen = new Map([...recorded, ...values]);
  const kept = recorded.filter(([option]) => !values.has(option));
  if (kept.length > 0) {
    say(2, `ldms-cluster: with the options of ${join(directory, recordName)}: ${optionsText(kept)}\n`);
  }
  const file = name ?? (before ? join(directory, before.file) : defaultFile);
  const deployment = await open(file, chosen);
  if (typeof deployment === 'number') return deployment;
  say(2, findingsText(file, deployment));
  if (isBad(deployment, values)) {
    return fail('file', [`${file} has ${countText(deployment)}; nothing was written`]);
  }
  return write(directory, file, as, before, deployment, chosen);
}

const optionsText = (given: readonly (readonly [string, string])[]): string =>
  given.map(([name, value]) => (value ? `--${name}=${value}` : `--${name}`)).join(' ');

function write(
  directory: string,
  file: string,
  as: Way,
  before: Record | undefined,
  deployment: Deployment,
  values: Values,
): number {
  const renderer = renderers[as];
  const rendered = renderer.render(deployment);
  const place = placeIn(directory, file);
  if (rendered.some(({ path }) => path === place) || Object.hasOwn(before?.files ?? {}, place)) {
    const why = `${file}, which is read, is one of the files there; name another directory: --output=DIR`;
    return fail('notWritten', [`cannot write to ${directory}: ${why}`]);
  }
  const record = {
    as,
    file: relative(resolve(directory), resolve(file)) || basename(file),
    options: Object.fromEntries(
      [...values].filter(([name]) => siteOptions.some((each) => each.name === name)),
    ),
  };
  const force = values.has('force') ? 'force' : undefined;
  const done = writeRendered(directory, before, record, rendered, force);
  if ('wrong' in done) return fail('notWritten', done.wrong);
  const { written, unchanged, removed } = done;
  const parts = [
    `${count(written, 'file')} written to ${directory}`,
    ...(unchanged > 0 ? [`${numeral(unchanged)} unchanged`] : []),
    ...(removed > 0 ? [`${numeral(removed)} removed`] : []),
  ];
  say(1, `${parts.join(', ')}\nnext: ${renderer.next(directory, deployment)}\n`);
  return 0;
}

/** A file's path from a directory, symbolic links followed; empty if either is not there. */
function placeIn(directory: string, file: string): string {
  try {
    return relative(realpathSync(directory), realpathSync(file));
  } catch {
    // What is read may be a pipe.
    return '';
  }
}

async function diff(directory: string): Promise<number> {
  const record = readRecord(directory);
  if (record === undefined) {
    return fail('file', [`${directory} was not written by ldms-cluster render: it has no ${recordName}`]);
  }
  if ('wrong' in record) return fail('file', [record.wrong]);
  const file = join(directory, record.file);
  const deployment = await open(file, new Map(Object.entries(record.options)));
  if (typeof deployment === 'number') return deployment;
  if (deployment.mistakes.length > 0) {
    say(2, findingsText(file, deployment));
    return fail('file', [`${file} has ${countText(deployment)}`]);
  }
  const compared: readonly Compared[] = compare(directory, record, renderers[record.as].render(deployment));
  const text = diffText(directory, compared);
  say(1, text || `${directory} is what ${file} says\n`);
  return text === '' ? 0 : exitCodes.differs.code;
}
