/** How a member without data may start. */
import { describe, expect, test } from 'vitest';
import type { Member } from '../../src/etcd/peers.ts';
import { decide, type View } from '../../src/etcd/verdict.ts';
import type { Peers } from '../../src/plan.ts';

const peer = (name: string) => ({ name, url: `http://${name}:2380` });
const peersOf = (...names: string[]): Peers => ({
  self: peer(names[0] ?? ''),
  all: names.map(peer),
  listen: { address: '127.0.0.1', port: 2380 },
});
const peers = peersOf('a', 'b', 'c');
const views = (of: Record<string, View>) => new Map(Object.entries(of));

const away = (why = 'nobody listens there'): View => ({ is: 'away', why });
const waiting = (name: string, names = ['a', 'b', 'c']): View => ({
  is: 'waiting',
  card: { name, id: name, list: names.map((each) => peer(each).url) },
});

/** An etcd that knows members: with data, `a+`; added by the API, `a?`; from its first list, `a`. */
const etcd = (...known: string[]): View => ({
  is: 'etcd',
  members: known.map((text): Member => {
    const name = text.replace(/[+?]/, '');
    return {
      id: '1',
      name: text.endsWith('?') ? '' : name,
      peerUrls: [peer(name).url],
      clientUrls: text.endsWith('+') ? ['http://127.0.0.1:2379'] : [],
    };
  }),
});

describe('a new cluster is made', () => {
  test('when all others wait with the same list, in whatever order', () => {
    const met = views({ b: waiting('b'), c: waiting('c', ['c', 'b', 'a']) });
    expect(decide(peers, met)).toEqual({ start: 'new' });
  });

  test('when an etcd has begun one, in which we have never started', () => {
    expect(decide(peers, views({ b: etcd('a', 'b+', 'c'), c: waiting('c') }))).toEqual({ start: 'new' });
    expect(decide(peers, views({ b: etcd('a', 'b+', 'c'), c: away() }))).toEqual({ start: 'new' });
  });

  test.each([
    ['one is away', { b: waiting('b'), c: away() }, 'waiting for c: nobody listens there'],
    ['one has not answered yet', { b: waiting('b') }, 'waiting for c: no answer yet'],
    ['all are away', { b: away(), c: away() }, 'waiting for b, c: nobody listens there'],
    [
      'each for its own reason',
      { b: away(), c: away('its name is not known') },
      'waiting for b: nobody listens there; c: its name is not known',
    ],
    [
      'one has another list',
      { b: waiting('b'), c: waiting('c', ['b', 'c', 'd']) },
      'waiting for c: another list of members there',
    ],
    [
      'one has a longer list',
      { b: waiting('b'), c: waiting('c', ['a', 'b', 'c', 'd', 'e']) },
      'waiting for c: another list of members there',
    ],
  ] as [string, Record<string, View>, string][])('but not while %s', (_, seen, waits) => {
    expect(decide(peers, views(seen))).toEqual({ waits });
  });
});

describe('an existing cluster is joined', () => {
  test('when all etcds that answer say that we were added', () => {
    const added = etcd('a?', 'b+', 'c+');
    expect(decide(peers, views({ b: added, c: added }))).toEqual({ start: 'existing' });
    expect(decide(peers, views({ b: added, c: away() }))).toEqual({ start: 'existing' });
  });

  test('as it is, where others of the list are not in it yet', () => {
    const added = etcd('a?', 'b+', 'c+', 'd+');
    const seen = views({ b: added, c: added, d: added, e: waiting('e', ['a', 'b', 'c', 'd', 'e']) });
    expect(decide(peersOf('a', 'b', 'c', 'd', 'e'), seen)).toEqual({
      start: 'existing',
      cluster: ['a', 'b', 'c', 'd'].map(peer),
    });
  });

  const anew = 'they know this member with data: the one that leads makes it a member anew';
  test.each([
    [
      'they know us with data',
      { b: etcd('a+', 'b+', 'c+'), c: etcd('a+', 'b+', 'c+') },
      `waiting for b, c: the data directory here is empty, and ${anew}`,
    ],
    [
      'one knows us with data, though the other does not',
      { b: etcd('a?', 'b+', 'c+'), c: etcd('a+', 'b+', 'c+') },
      `waiting for b, c: the data directory here is empty, and ${anew}`,
    ],
    [
      'one that has just begun takes us for one that never did, and the other knows us with data',
      { b: etcd('a', 'b', 'c'), c: etcd('a+', 'b+', 'c+') },
      `waiting for b, c: the data directory here is empty, and ${anew}`,
    ],
    [
      'we were removed and not added yet',
      { b: etcd('b+', 'c+'), c: away() },
      'waiting for b: this one is no member of their cluster, and has to be added by the one that leads',
    ],
    [
      'one has not heard yet that we were added',
      { b: etcd('a?', 'b+', 'c+'), c: etcd('b+', 'c+') },
      'waiting for b, c: this one is no member of their cluster, and has to be added by the one that leads',
    ],
    [
      'one has just begun and takes us for one of the first, and the other says that we were added',
      { b: etcd('a', 'b', 'c'), c: etcd('a?', 'b+', 'c+') },
      'waiting for b, c: they do not agree yet on who is a member',
    ],
  ] as [string, Record<string, View>, string][])('but not while %s', (_, seen, waits) => {
    expect(decide(peers, views(seen))).toEqual({ waits });
  });
});

describe('a cluster with other members', () => {
  test.each([
    ['that we do not know', etcd('a+', 'b+', 'd+')],
    ['more than ours', etcd('a+', 'b+', 'c+', 'd+')],
    ['none of ours', etcd('x+')],
    ['fewer than ours, one of the first of which we are', etcd('a', 'b+')],
  ])('is not joined: %s', (_, view) => {
    expect(decide(peers, views({ b: view, c: away() }))).toEqual({
      problem: {
        kind: 'etcd',
        what: expect.stringMatching(
          /^cannot join the etcd of b: its cluster has the members http:.*, and the list here has http:\/\/a:2380, http:\/\/b:2380, http:\/\/c:2380$/,
        ),
        remedy: expect.stringContaining('LDMS_ENTRYPOINT_MAESTRO_MEMBERS'),
      },
    });
  });
});
