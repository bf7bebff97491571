/** What is said of who leads. */
import { describe, expect, test } from 'vitest';
import { tellLeaders } from '../../src/election/lead.ts';
import type { Reign } from '../../src/election/records.ts';
import { electionOf, fakeObserver, recordingLog } from '../support/observed.ts';

const before = new Date(Date.now() - 60_000).toISOString();
const reign = (member: string, more: Partial<Reign> = {}): Reign => ({
  member,
  process: `of ${member}`,
  since: before,
  believesMs: 1300,
  ...more,
});
const ended = { at: before, why: 'SIGTERM' };
const after = { member: 'hostA', why: 'SIGTERM' };

function told(self = 'hostA') {
  const observer = fakeObserver();
  const recorded = recordingLog();
  tellLeaders(electionOf(self), observer, recorded.log);
  return { observer, told: recorded.told };
}

describe('a reign that is there already', () => {
  test('of another one: we wait', () => {
    const { observer, told: lines } = told();
    observer.tell('reign', reign('hostB', { after: { member: 'hostC', why: 'SIGTERM' } }));
    observer.read();
    expect(lines).toEqual(['info: hostB leads; this member, hostA, waits']);
  });

  test.each([
    ['that has ended', reign('hostB', { ended })],
    ['of our own, before we were started again', reign('hostA')],
  ])('%s: nothing', (_, record) => {
    const { observer, told: lines } = told();
    observer.tell('reign', record);
    observer.read();
    expect(lines).toEqual([]);
    observer.tell('reign', reign('hostC', { after }));
    expect(lines).toEqual(['info: hostC leads now, after hostA: SIGTERM']);
  });

  test.each(['hostA', 'hostB'])('that has begun while we did, of %s: it leads now', (member) => {
    const { observer, told: lines } = told();
    observer.tell('reign', reign(member, { since: new Date(Date.now() + 5).toISOString() }));
    observer.read();
    expect(lines).toEqual([`info: ${member} leads now`]);
  });
});

describe('a new one', () => {
  test('is told with its reason, in the same words on each member', () => {
    for (const self of ['hostA', 'hostB', 'hostC']) {
      const { observer, told: lines } = told(self);
      observer.read();
      observer.tell('reign', reign('hostA'));
      observer.tell('reign', reign('hostA', { ended }));
      observer.tell('reign', reign('hostB', { after }));
      expect(lines).toEqual(['info: hostA leads now', 'info: hostB leads now, after hostA: SIGTERM']);
    }
  });

  test('of the same process is one as well', () => {
    const { observer, told: lines } = told();
    observer.read();
    observer.tell('reign', reign('hostA'));
    const why = 'etcd was not heard of for 1 s';
    observer.tell(
      'reign',
      reign('hostA', { since: new Date().toISOString(), after: { member: 'hostA', why } }),
    );
    expect(lines).toEqual(['info: hostA leads now', `info: hostA leads now, after hostA: ${why}`]);
  });

  test('is told once, whatever is read anew', () => {
    const { observer, told: lines } = told();
    observer.read();
    observer.tell('reign', reign('hostB'));
    observer.tell('reign');
    observer.read();
    observer.tell('reign', reign('hostB'));
    observer.read();
    expect(lines).toEqual(['info: hostB leads now']);
  });

  test('that has ended when it is heard of is left to the next one', () => {
    const { observer, told: lines } = told();
    observer.read();
    observer.tell('reign', reign('hostB', { ended }));
    expect(lines).toEqual([]);
  });
});

test('other keys are none', () => {
  const { observer, told: lines } = told();
  observer.read();
  observer.tell('leader/1', reign('hostB'));
  expect(lines).toEqual([]);
  observer.tell('reign', reign('hostB'));
  expect(lines).toHaveLength(1);
});
