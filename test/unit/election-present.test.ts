/** Which roll-calls a member answers, and what it says. etcd is a stand-in here; test/unit/commands-status asks three. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { answerRollCalls } from '../../src/election/present.ts';
import type { Store } from '../../src/election/store.ts';
import { electionOf, fakeObserver } from '../support/observed.ts';
import { until } from '../support/program.ts';

const raft = { header: { member_id: '17' }, leader: '17', raftIndex: '105', raftAppliedIndex: '104' };

/** A member whose etcd answers so; an answer without a text is a refusal. */
async function member(answer: () => object | undefined, write: Store['write'] = async () => undefined) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    const said = answer();
    response.writeHead(said ? 200 : 503).end(JSON.stringify(said ?? {}));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const written: [string, object][] = [];
  const store = {
    write: async (key: string, record: object) => {
      await write(key, record);
      written.push([key, record]);
    },
  } as Store;
  const observer = fakeObserver();
  let role: 'leads' | 'follows' = 'follows';
  answerRollCalls(electionOf('hostB', url), store, observer, () => role, '1.2.3');
  return {
    observer,
    written,
    asked: () => asked,
    lead: () => {
      role = 'leads';
    },
  };
}

test('each from now on, with the role of the moment', async () => {
  const { observer, written, asked, lead } = await member(() => raft);
  observer.tell('call', { id: 'before us' });
  observer.read();
  observer.read();
  observer.tell('call', { id: 'one' });
  const here = { version: '1.2.3', raftIndex: '104', isRaftLeader: true };
  await until('the first is answered', () => written.length > 0);
  lead();
  observer.tell('call', { id: 'two' });
  await until('the second is answered', () => written.length > 1);
  expect(written).toEqual([
    ['here/hostB', { call: 'one', role: 'follows', ...here }],
    ['here/hostB', { call: 'two', role: 'leads', ...here }],
  ]);
  expect(asked(), 'for no other').toBe(2);
});

test('raft is led by another, or by nobody', async () => {
  let leader: string | undefined = '18';
  const { observer, written } = await member(() => ({ ...raft, leader }));
  observer.read();
  observer.tell('call', { id: 'one' });
  await until('it is answered', () => written.length > 0);
  leader = undefined;
  observer.tell('call', { id: 'two' });
  await until('it is answered as well', () => written.length > 1);
  expect(written.map(([, record]) => record)).toEqual([
    expect.objectContaining({ isRaftLeader: false }),
    expect.objectContaining({ isRaftLeader: false }),
  ]);
});

test('what cannot be answered is let be, and the next one is answered', async () => {
  let isReady = false;
  let refused = 0;
  const { observer, written, asked } = await member(
    () => (isReady ? raft : undefined),
    async () => {
      if (refused++ === 0) throw new Error('no quorum');
    },
  );
  observer.read();
  observer.tell('call', { id: 'one' });
  await until('etcd has refused', () => asked() === 1);
  isReady = true;
  observer.tell('call', { id: 'two' });
  await until('it could not be written', () => refused === 1);
  // The call that is taken away is none.
  observer.tell('call');
  observer.tell('call', { id: 'three' });
  await until('the third is answered', () => written.length > 0);
  expect(written.map(([, record]) => record)).toEqual([expect.objectContaining({ call: 'three' })]);
  expect(asked()).toBe(3);
});
