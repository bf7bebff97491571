/** Answers a plan's questions. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePath } from '../directories.ts';
import type { Host, TcpAddress } from '../host.ts';
import { ourRecord, versionRecord } from '../ldmsd/version.ts';
import { isLow, whyNotListen, written } from '../listen.ts';
import type { Log } from '../log.ts';
import type { Answers, Command, MemberAddresses, Question } from '../plan.ts';
import { errnoOf, errnoWords } from '../problem.ts';
import { runBriefly } from '../process/child.ts';
import { canBind } from '../process/libc.ts';
import type { StopRequest } from '../process/stop.ts';

// ldmsd -V prints and ends; longer than this only on a file system that hangs.
const versionLimitMs = 5000;
// Python starts in 20 ms; the first time from a disk of a network it may take seconds.
const parseLimitMs = 10_000;
const connectLimitMs = 1000;
// As long as a resolver waits for one name server (resolv.conf(5)).
const resolveLimitMs = 5000;

/** What answering needs. */
export interface Asking {
  readonly log: Log;
  readonly stop: StopRequest;
  readonly host: Host;
}

/** The answer to one question, as a part of all answers. */
export async function answer(question: Question, asking: Asking): Promise<Answers> {
  if (question.about === 'munge socket') return { 'munge socket': await isServed(question.socket) };
  if (question.about === 'addresses') return { addresses: tryAll(question.addresses, asking.host) };
  if (question.about === 'members') return { members: await resolveAll(question.hosts, asking) };
  if (question.about === 'settings.py') return { 'settings.py': await stumblesAt(question.command, asking) };
  return { 'ldmsd version': await printedBy(question.command, asking) };
}

/** Why each address cannot be listened on; empty if it can. */
function tryAll(addresses: readonly TcpAddress[], host: Host): Record<string, string> {
  return Object.fromEntries(addresses.map((at) => [written(at), whyNotBound(at, host)]));
}

function whyNotBound(at: TcpAddress, host: Host): string {
  if (at.address.includes(':')) return whyNotListen(at, host);
  if (canBind(at.address, at.port)) return '';
  if (!canBind(at.address, 0)) return 'EADDRNOTAVAIL';
  // Of a low port it may be the right that is lacking, whatever our capabilities: they may be another namespace's.
  return isLow(at.port, host) ? whyNotListen(at, host) || 'EACCES' : 'EADDRINUSE';
}

/** The addresses of hosts, as getaddrinfo(3) has them, which looks into /etc/hosts first. */
async function resolveAll(
  hosts: readonly string[],
  { stop }: Asking,
): Promise<Record<string, MemberAddresses>> {
  const found = hosts.map(async (host) => [host, await resolved(host, stop.signal)] as const);
  return Object.fromEntries(await Promise.all(found));
}

async function resolved(host: string, stop: AbortSignal): Promise<MemberAddresses> {
  const { promises } = process.getBuiltinModule('node:dns');
  const ended = Promise.withResolvers<never>();
  const end = () => ended.reject(new Error('there was no answer'));
  const timer = setTimeout(end, resolveLimitMs);
  if (stop.aborted) end();
  else stop.addEventListener('abort', end, { once: true });
  try {
    // The kernel's own order of addresses, which is that of getaddrinfo.
    const looked = await Promise.race([
      promises.lookup(host, { all: true, order: 'verbatim' }),
      ended.promise,
    ]);
    const addresses = [...new Set(looked.map(({ address }) => address))];
    const from = addresses[0] === undefined ? undefined : await leavesWith(addresses[0]);
    return { addresses, ...(from !== undefined && { from }) };
  } catch (error) {
    return { addresses: [], why: lookupWords(error) };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', end);
  }
}

function lookupWords(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'ENOTFOUND') return 'the name is not known';
  return code === 'EAI_AGAIN' ? 'no name server answers' : errnoWords(error);
}

/** The address of ours with which packets to another leave. A UDP socket that is connected sends none. */
function leavesWith(address: string): Promise<string | undefined> {
  const dgram = process.getBuiltinModule('node:dgram');
  return new Promise((resolve) => {
    const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const done = (from: string | undefined) => {
      socket.close();
      resolve(from);
    };
    socket.once('error', () => done(undefined));
    // Any port: that of "discard".
    socket.connect(9, address, () => done(socket.address().address));
  });
}

/** What python3 says about a file that it is to parse; empty if nothing, or if it cannot be asked. */
async function stumblesAt(command: Command, { log, stop, host }: Asking): Promise<string> {
  const program = host.program(command.program);
  if (!('path' in program)) return '';
  const limits = { limitMs: parseLimitMs, stop: stop.signal };
  const { code, stdout, stderr } = await runBriefly(program.path, command.args, limits);
  if (code === 0) return stdout.trim();
  const why = stderr.trim().split('\n').at(-1) || `it ended with exit status ${code}`;
  if (!stop.by()) await log('warn', `${command.program} cannot parse settings.py beforehand: ${why}`);
  return '';
}

/** Whether somebody accepts connections on a Unix socket. */
function isServed(path: string): Promise<'yes' | 'no'> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.setTimeout(connectLimitMs);
    const done = (served: boolean) => {
      socket.destroy();
      resolve(served ? 'yes' : 'no');
    };
    socket.on('connect', () => done(true));
    // One that we may not connect to, or that is too busy to answer, is somebody's all the same.
    socket.on('error', (error) => done(errnoOf(error) === 'EACCES' || errnoOf(error) === 'EAGAIN'));
    socket.on('timeout', () => done(true));
  });
}

/** What a program prints; empty if that is nothing, or if it cannot be run or does not end. */
async function printedBy(command: Command, { log, stop, host }: Asking): Promise<string> {
  const program = host.program(command.program);
  if (!('path' in program)) return '';
  const limits = { limitMs: versionLimitMs, stop: stop.signal };
  const { stdout } = await runBriefly(program.path, command.args, limits);
  if (stdout) await remember(versionRecord(host, program.path, stdout), host, log);
  return stdout;
}

async function remember(record: string, host: Host, log: Log): Promise<void> {
  const path = host.path(ourRecord);
  try {
    makePath(dirname(path));
    writeFileSync(path, record);
  } catch (error) {
    const why = errnoWords(error);
    await log('debug', `cannot keep ldmsd's version in ${path} (${why}): it is asked at each start`);
  }
}
