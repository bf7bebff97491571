/** Host lists as they are written: what is folded unfolds to the same names. */
import { describe, expect, test } from 'vitest';
import { foldHosts, nodeOf } from '../../src/cluster/hosts.ts';
import { expandHostlist } from '../../src/ldmscfg/hostlist.ts';

const unfolded = (list: string): readonly string[] => {
  const expansion = expandHostlist(list);
  if ('wrong' in expansion) throw new Error(`${list} ${expansion.wrong}`);
  return expansion.names;
};

describe('foldHosts', () => {
  test.each<[string[], string]>([
    [['a1', 'a2', 'a3'], 'a[1-3]'],
    [['cygnus-01', 'cygnus-02', 'cygnus-03', 'cygnus-04'], 'cygnus-0[1-4]'],
    [['n08', 'n09', 'n10', 'n11'], 'n[08-11]'],
    [['n8', 'n9', 'n10', 'n11'], 'n[8-11]'],
    [['n09', 'n10', 'n1', 'n2'], 'n[09-10,1-2]'],
    [['n098', 'n099', 'n100'], 'n[098-100]'],
    [['n00', 'n01', 'n0', 'n1'], 'n[00-01,0-1]'],
    [['n001', 'n002'], 'n00[1-2]'],
    [['n009', 'n010'], 'n[009-010]'],
    [['n1', 'n3', 'n5', 'n6'], 'n[1,3,5-6]'],
    [['n3', 'n1', 'n2'], 'n[1-3]'],
    [['n1'], 'n1'],
    [['login', 'admin'], 'login,admin'],
    [['login', 'n1', 'admin', 'n2'], 'login,n[1-2],admin'],
    [['n1-ib', 'n2-ib', 'n1'], 'n[1-2]-ib,n1'],
    [['r1n1', 'r1n2', 'r2n1'], 'r1n[1-2],r2n1'],
    [['n1', 'n1', 'n2', 'n1'], 'n[1-2]'],
    [['n1', 'n01'], 'n[1,01]'],
    [['1', '2', '3'], '[1-3]'],
    [['10.0.0.1', '10.0.0.2'], '10.0.0.[1-2]'],
    [[], ''],
  ])('%j is %s', (names, list) => {
    expect(foldHosts(names)).toBe(list);
  });

  test.each([
    [['n999999999999998', 'n999999999999999'], 'n[999999999999998-999999999999999]'],
    [['n9007199254740992', 'n9007199254740993'], 'n9007199254740992,n9007199254740993'],
    [['n00000000000000001', 'n00000000000000002'], 'n00000000000000001,n00000000000000002'],
  ])('beyond 15 digits nothing is put together: %j', (names, list) => {
    expect(foldHosts(names)).toBe(list);
    expect(unfolded(list)).toEqual(names);
  });

  test('any names are there again, each once', () => {
    // A small generator, so that a failure can be repeated.
    let state = 1;
    const below = (most: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % most;
    };
    const among = (choices: readonly string[]) => choices[below(choices.length)] ?? '';
    for (let round = 0; round < 2000; round++) {
      const forms = Array.from({ length: 1 + below(3) }, () => ({
        before: among(['n', 'node-', 'r1n', '', 'x.']),
        after: among(['', '-ib', 'a', '.example']),
        width: below(4),
        from: among(['0', '7', '95', '998', '99999']),
        isWhole: below(6) === 0,
      }));
      const names = Array.from({ length: below(30) }, () => {
        const { before, after, width, from, isWhole } = forms[below(forms.length)] ?? {};
        const number = String(Number(from) + below(12)).padStart(width ?? 0, '0');
        return isWhole ? `${before}x${after}` : `${before}${number}${after}`;
      });
      const folded = foldHosts(names);
      const again = folded === '' ? [] : unfolded(folded);
      expect([...again].sort(), folded).toEqual([...new Set(names)].sort());
    }
  });

  test('10,000 names are one short list', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `nid${String(at + 1).padStart(5, '0')}`);
    expect(foldHosts(names)).toBe('nid[00001-10000]');
    expect(unfolded('nid[00001-10000]')).toEqual(names);
  });
});

describe('nodeOf', () => {
  test.each([
    ['cygnus-01-iw', '-iw', 'cygnus-01'],
    ['cygnus-01', '-iw', 'cygnus-01'],
    ['a-iw-iw', '-iw', 'a-iw'],
    ['-iw.example', '-iw', '-iw.example'],
    ['n1', '', 'n1'],
    ['store', 'store', 'store'],
  ])('%s without %j is %s', (host, suffix, node) => {
    expect(nodeOf(host, suffix)).toBe(node);
  });
});
