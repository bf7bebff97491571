/** A place for one ldms-grafana container: what the image has, below a site's root, with stand-ins for its programs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from './etcd.ts';
import { processesNaming } from './machine.ts';
import { killAll } from './probe.ts';
import { repository, type Started, type StartOptions, until } from './program.ts';
import { makeSite, type Site } from './site.ts';

/** An answer of grafana's. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A place for one container. Whatever is started in it is ended when its test has finished. */
export interface GrafanaPlace {
  readonly site: Site;
  /** Where grafana listens, unless told otherwise. */
  readonly port: number;
  /** GF_PATHS_DATA. */
  readonly data: string;
  /** GF_PATHS_PLUGINS. */
  readonly plugins: string;
  /** Puts a plugin there that Grafana Labs has not signed. */
  plugin(id: string, folder?: string): void;
  start(args?: readonly string[], options?: StartOptions): Started;
  /** Starts it, and waits until it listens. */
  comeUp(args?: readonly string[], options?: StartOptions): Promise<Started>;
  get(path: string, port?: number): Promise<Answer>;
  /** A setting as grafana has it, by `section.key`. */
  setting(name: string, port?: number): Promise<unknown>;
}

/** The line in which it says where it listens. */
export const listens = /msg="HTTP Server Listen" address=(\S+)/;

/** Makes one, as image `9.1`, or with the one program of 9.4 and later. */
export async function makeGrafana(
  settings: NodeJS.ProcessEnv = {},
  programs: readonly string[] = ['grafana-server', 'grafana-cli'],
): Promise<GrafanaPlace> {
  const port = await freePort();
  const site = makeSite({ GF_SERVER_HTTP_PORT: String(port), ...settings });
  onTestFinished(() => killAll(processesNaming(site.root)));
  for (const name of programs) {
    // No link: a test that puts its own in this place would write through it.
    site.install(name, `#!/bin/sh\nexec '${join(repository, 'test/standins/bin', name)}' "$@"\n`);
  }
  const data = site.path('var/lib/grafana');
  const plugins = join(data, 'plugins');
  const plugin = (id: string, folder = id) =>
    void site.write(`var/lib/grafana/plugins/${folder}/plugin.json`, `${JSON.stringify({ id })}\n`);
  site.write('etc/grafana/grafana.ini', ';http_port = 3000\n');
  site.write('usr/share/grafana/conf/defaults.ini', '');
  for (const directory of ['etc/grafana/provisioning/datasources', 'var/log/grafana', 'tmp']) {
    mkdirSync(site.path(directory), { recursive: true });
  }
  plugin('dsosds');
  const start = (args: readonly string[] = [], options?: StartOptions) =>
    site.start(['grafana', ...args], options);
  const get = (path: string, at = port) => ask(`http://127.0.0.1:${at}${path}`);
  return {
    site,
    port,
    data,
    plugins,
    plugin,
    start,
    comeUp: async (args, options) => {
      const started = start(args, options);
      await isUp(started);
      return started;
    },
    get,
    setting: async (name, at) => {
      const { body } = await get('/api/admin/settings', at);
      return (body as Record<string, unknown>)[name];
    },
  };
}

/** Waits until grafana listens; it tells where. */
export async function isUp(started: Started): Promise<string> {
  const { child } = started;
  return until(`grafana listens (${started.stdout()}${started.stderr()})`, () => {
    const [, address] = listens.exec(started.stdout()) ?? [];
    if (address === undefined && (child.exitCode !== null || child.signalCode !== null)) {
      throw new Error(`it has ended: ${started.stdout()}${started.stderr()}`);
    }
    return address;
  });
}

/** Asks a server. */
export async function ask(url: string): Promise<Answer> {
  const answer = await fetch(url, { headers: { connection: 'close' } });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json');
  return { status: answer.status, body: isJson ? JSON.parse(text) : text };
}

/**
 * A grafana-server that tells how it was started, byte for byte: its arguments and its environment, each
 * as latin1, so that every byte is one character. The kernel itself starts it, without a shell.
 */
export const tellsItself = `#!${process.execPath}
const { readFileSync, writeSync } = require('node:fs');
const told = (name) => readFileSync('/proc/self/' + name).toString('latin1').split('\\0').slice(0, -1);
writeSync(1, JSON.stringify({ args: told('cmdline').slice(2), environ: told('environ') }) + '\\n');
`;

/** What such a one has told. */
export const told = (stdout: string): { args: string[]; environ: string[] } => JSON.parse(stdout);

/** The value of a variable that such a one has; undefined if it has none. */
export const variable = (environ: readonly string[], name: string): string | undefined =>
  environ.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);

/** Text as it is in latin1, for comparing bytes. */
export const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
