import { describe, expect, test } from 'vitest';
import { readDsosdConf } from '../../src/ui/dsosdconf.ts';

const mistakes = (text: string) => readDsosdConf(text).mistakes;
const nodes = (count: number) => Array.from({ length: count }, (_, at) => `node${at + 1}`);

describe('a good dsosd.conf', () => {
  test.each([
    ['one host', 'node1\n', ['node1']],
    ['no newline at the end', 'node1\nnode2', ['node1', 'node2']],
    ['names with domains', 'node-1.site.gov\nnode_2\n', ['node-1.site.gov', 'node_2']],
    ['addresses', '10.0.0.1\nfe80::1%eth0\n::1\n', ['10.0.0.1', 'fe80::1%eth0', '::1']],
    ['as many as there is room for', `${nodes(16).join('\n')}\n`, nodes(16)],
    ['a name of the greatest length', `${'a'.repeat(254)}\n`, ['a'.repeat(254)]],
  ])('%s', (_, text, hosts) => {
    expect(readDsosdConf(text)).toEqual({ hosts, mistakes: [], warnings: [] });
  });
});

describe('a mistake in dsosd.conf', () => {
  test.each([
    ['a blank line', '', /^a blank line, which libdsos takes for a host without a name/],
    ['blanks only', '  \t', /^a blank line/],
    ['a carriage return only', '\r', /^a blank line/],
    ['a comment', '# the storage nodes', /^"# the storage nodes" is no comment to libdsos/],
    ['a comment behind blanks', '  # storage', /is no comment to libdsos/],
    ['a carriage return', 'node2\r', /^a carriage return at its end \(a DOS file\): dos2unix dsosd.conf$/],
    ['a blank behind the name', 'node2 ', /^"node2 " has blanks around the name, .*; take them away$/],
    ['a blank before the name', ' node2', /^" node2" has blanks around the name/],
    ['a tab behind the name', 'node2\t', /^"node2\\t" has blanks around the name/],
    ['two hosts', 'node2 node3', /^"node2 node3" is more than one host; write each into a line of its own$/],
    ['two hosts, a comma between', 'node2,node3', /is more than one host/],
    ['two hosts, a semicolon between', 'node2;node3', /is more than one host/],
    ['a port', 'node2:20001', /^"node2:20001" has a port; libdsos asks rpcbind for that/],
    ['a port behind an address', '10.0.0.1:20001', /has a port/],
    [
      'a range of hosts',
      'node[2-4]',
      /^"node\[2-4\]" is a list, which libdsos takes for one name; write each host into a line of its own$/,
    ],
    ['a list of hosts', 'node[2,4]', /^"node\[2,4\]" is a list, /],
    ['a list of hosts with a domain', 'node[02-04].site.gov', /is a list, /],
    [
      'a comment behind the name',
      'node2 # storage',
      /^"node2 # storage" has a comment, which libdsos takes for a part of the name; take it away$/,
    ],
    ['a comment close behind the name', 'node2#storage', /^"node2#storage" has a comment/],
    ['a comment behind a list', 'node[2-4] # storage', /has a comment/],
    ['a URL', 'http://node2', /is neither a host's name nor its address/],
    ['an address in brackets, with a port', '[::1]:20001', /^"\[::1\]:20001" (?:is|has) /],
    ['the same host again', 'node1', /^node1 stands in line 1 already; take it away$/],
    ['a name that is too long', 'a'.repeat(255), /^"a{60}\.\.\." is longer than any host's name$/],
  ])('is told with its line: %s', (_, line, text) => {
    expect(mistakes(`node1\n${line}\nnode9\n`)).toEqual([{ line: 2, text: expect.stringMatching(text) }]);
    expect(mistakes('node1\nnode2\nnode9\n')).toEqual([]);
  });

  test('a byte order mark is told, and not taken for a part of the name', () => {
    expect(mistakes('\ufeffnode1\nnode2\n')).toEqual([
      { line: 1, text: 'a byte order mark at its beginning; save the file without it' },
    ]);
    expect(mistakes('\ufeff\nnode2\n').map(({ text }) => text)).toEqual([
      expect.stringMatching(/^a byte order mark/),
    ]);
  });

  test('every one is told, and the good lines are hosts all the same', () => {
    const { hosts, mistakes } = readDsosdConf('# dsosd\nnode1\n\nnode2\nnode1\nnode3:1\n');
    expect(mistakes.map(({ line }) => line)).toEqual([1, 3, 5, 6]);
    expect(hosts).toEqual(['node1', 'node2']);
  });

  test('a host that stands three times is told twice, with its first line', () => {
    expect(mistakes('node1\nnode1\nnode1\n')).toEqual([
      { line: 2, text: 'node1 stands in line 1 already; take it away' },
      { line: 3, text: 'node1 stands in line 1 already; take it away' },
    ]);
  });

  test('a last line that is blank is told; a newline at the end is none', () => {
    expect(mistakes('node1\n\n').map(({ line }) => line)).toEqual([2]);
    expect(mistakes('node1\n')).toEqual([]);
  });

  test('more hosts than there is room for are a warning, and no mistake', () => {
    const told = (count: number) => [`it names ${count} hosts, and libdsos has room for the answers of 16`];
    for (const count of [17, 40]) {
      expect(readDsosdConf(nodes(count).join('\n'))).toEqual({
        hosts: nodes(count),
        mistakes: [],
        warnings: told(count),
      });
    }
    expect(readDsosdConf(nodes(16).join('\n')).warnings).toEqual([]);
  });

  test('a host that stands twice is counted once', () => {
    const { mistakes, warnings } = readDsosdConf(['node1', ...nodes(16)].join('\n'));
    expect(mistakes.map(({ line }) => line)).toEqual([2]);
    expect(warnings).toEqual([]);
  });

  test('of a DOS file, every line is told', () => {
    expect(mistakes('node1\r\nnode2\r\n').map(({ line }) => line)).toEqual([1, 2]);
  });

  test.each(['', '\n'])('an empty one names no host: %j', (text) => {
    expect(readDsosdConf(text).hosts).toEqual([]);
  });
});
