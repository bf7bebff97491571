/** Hosts of a network of their own: network namespaces, each joined to one bridge by a pair of veth. */
import { readlinkSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { run, type Started, start, until } from './program.ts';

/** One of them. */
export interface NetworkHost {
  readonly address: string;
  /** What a command has to stand behind to run there. */
  readonly behind: readonly string[];
  /** Takes its cable away. */
  cut(): Promise<void>;
  /** Gives it back. */
  mend(): Promise<void>;
  /** Loses all that it sends to an address, while that can still send to it. */
  lose(address: string): Promise<void>;
  /** Loses it no longer. */
  find(address: string): Promise<void>;
}

/** A network namespace that a process keeps. */
export interface Namespace {
  readonly pid: number;
  readonly behind: readonly string[];
}

/** A bridge in a namespace of its own, by which hosts are joined. */
export interface Bridge {
  /** Joins a namespace to it, as the host with that address. */
  join(namespace: Namespace, address: string): Promise<NetworkHost>;
}

/** The address of the nth host of a network. */
export const addressOf = (index: number): string => `10.77.0.${index + 1}`;

/** Makes hosts of one network. It is gone when the test has finished, as nothing is made outside of it. */
export async function makeNetwork(count: number): Promise<NetworkHost[]> {
  const bridge = await makeBridge();
  const hosts: NetworkHost[] = [];
  for (let index = 0; index < count; index++) {
    hosts.push(await bridge.join(await makeNamespace(), addressOf(index)));
  }
  return hosts;
}

/** Makes a bridge in a namespace of its own. */
export async function makeBridge(): Promise<Bridge> {
  const hub = await makeNamespace();
  await ip(hub, 'link add bridge0 type bridge');
  await ip(hub, 'link set bridge0 up');
  let count = 0;
  return {
    join: async (namespace, address) => {
      const port = `port${++count}`;
      await ip(hub, `link add ${port} type veth peer name eth0 netns ${namespace.pid}`);
      await ip(hub, `link set ${port} master bridge0 up`);
      await ip(namespace, 'link set lo up');
      await ip(namespace, `address add ${address}/24 dev eth0`);
      await ip(namespace, 'link set eth0 up');
      return {
        address,
        behind: namespace.behind,
        cut: () => ip(hub, `link set ${port} down`),
        mend: () => ip(hub, `link set ${port} up`),
        lose: (other) => ip(namespace, `route add blackhole ${other}/32`),
        find: (other) => ip(namespace, `route del blackhole ${other}/32`),
      };
    },
  };
}

/** Makes a network namespace, which ends with its test. */
async function makeNamespace(): Promise<Namespace> {
  const keeper: Started = start('unshare', ['--net', 'sleep', 'infinity']);
  onTestFinished(async () => {
    keeper.kill('SIGKILL');
    await keeper.ended;
  });
  const ours = readlinkSync('/proc/self/ns/net');
  await until('there is a network namespace', () => readlinkSync(`/proc/${keeper.pid}/ns/net`) !== ours);
  return namespaceOf(keeper.pid);
}

/** The network namespace of a process. */
export const namespaceOf = (pid: number): Namespace => ({
  pid,
  behind: ['nsenter', `--target=${pid}`, '--net', '--'],
});

async function ip({ behind: [file = '', ...args] }: Namespace, words: string): Promise<void> {
  const { code, stderr } = await run(file, [...args, 'ip', ...words.split(' ')]);
  if (code !== 0) throw new Error(`ip ${words}: ${stderr}`);
}
