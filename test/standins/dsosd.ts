/**
 * A stand-in for dsosd, where the real one cannot be had. It serves nothing and registers nothing:
 * it sees that rpcbind is there, as the real one does by registering, and stays. It reads its
 * directory file at once and ends if that is no good, where the real one waits for its first client
 * and goes on without. It says on each start what it is.
 *
 * STANDIN_RPCBIND (127.0.0.1:111 if unset) is where it looks for rpcbind.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { say } from './say.ts';

// Process listings show "dsosd", as they do for the real one.
writeFileSync('/proc/self/comm', 'dsosd');

/** The containers that the directory file has for us. */
function containers(): string[] {
  const path = process.env['DSOSD_DIRECTORY'];
  if (!path) return [];
  const directory: Record<string, Record<string, string>> = JSON.parse(readFileSync(path, 'utf8'));
  const own = directory[process.env['DSOSD_SERVER_ID'] ?? hostname()] ?? {};
  return Object.entries(own).map(([name, at]) => `${name} at ${at}`);
}

function rpcbindAnswers(): Promise<boolean> {
  const [host, port] = (process.env['STANDIN_RPCBIND'] || '127.0.0.1:111').split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host ?? '', port: Number(port) });
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function main(): Promise<number | undefined> {
  let served: string[];
  try {
    served = containers();
  } catch (error) {
    say(`dsosd (stand-in): cannot use its directory file: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
  if (!(await rpcbindAnswers())) {
    say('dsosd (stand-in): cannot register with rpcbind');
    return 1;
  }
  say(`dsosd (stand-in, not the real dsosd): ${served.join(', ') || 'no containers'}`);
  setInterval(() => undefined, 1_800_000);
  return undefined;
}

const status = await main();
if (status !== undefined) process.exit(status);
