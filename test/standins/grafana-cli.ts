/**
 * A stand-in for grafana-cli 9.1, which knows one command, `plugins install`: it makes a plugin out of
 * nothing, that is signed. Where the real one would need a network that is not there: a plugin whose
 * name begins with `missing` is not found, and one whose name begins with `slow` does not come.
 *
 * usage: node grafana-cli.ts [cli] [--pluginUrl URL] [--pluginsDir DIR] plugins install ID [VERSION]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFlags } from './goflags.ts';

process.once('SIGUSR1', () => undefined).removeAllListeners('SIGUSR1');
writeFileSync('/proc/self/comm', 'grafana-cli');

const known = {
  pluginUrl: 'value',
  pluginsDir: 'value',
  repo: 'value',
  homepath: 'value',
  config: 'value',
  configOverrides: 'value',
  insecure: 'switch',
  debug: 'switch',
} as const;

function main(words: readonly string[]): number | undefined {
  const read = readFlags(words[0] === 'cli' ? words.slice(1) : words, known);
  if ('wrong' in read) return fail(`Incorrect Usage: ${read.wrong}`);
  const { values, operands } = read;
  const [command, what, id, version = '1.0.0'] = operands;
  if (command !== 'plugins' || what !== 'install') return fail('the stand-in can only install plugins');
  if (!id) return fail('please specify plugin to install');
  const directory = values.get('pluginsDir') || '/var/lib/grafana/plugins';
  if (id.startsWith('missing')) return fail(`failed to find plugin '${id}': 404: Plugin not found`);
  if (id.startsWith('slow')) {
    const part = join(directory, `${id}.part`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(part, '');
    // Another program beside it, which does not end with it.
    spawn('tail', ['-f', part], { stdio: 'ignore' });
    process.stdout.write(`Downloading ${id}\n`);
    return undefined;
  }
  try {
    mkdirSync(join(directory, id), { recursive: true });
    const from = values.get('pluginUrl');
    const plugin = { id, type: 'panel', info: { version }, ...(from !== undefined && { from }) };
    writeFileSync(join(directory, id, 'plugin.json'), `${JSON.stringify(plugin)}\n`);
    writeFileSync(join(directory, id, 'MANIFEST.txt'), 'made by a stand-in\n');
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  process.stdout.write(`Downloaded ${id} v${version} zip successfully (by a stand-in)\n`);
  return 0;
}

function fail(why: string): number {
  process.stderr.write(`Error: ✗ ${why}\n`);
  return 1;
}

const status = main(process.argv.slice(2));
if (status !== undefined) process.exit(status);
