/** The list of several maestro containers, which of them this one is, and where it listens to the others. */
import { describe, expect, test } from 'vitest';
import { parseMember } from '../../src/etcd/members.ts';
import { type Peering, planPeers } from '../../src/etcd/peering.ts';
import type { Answers } from '../../src/plan.ts';
import { type FakeWorld, fakeHost, settingsFrom } from '../support/fake-host.ts';

const setting = 'LDMS_ENTRYPOINT_MAESTRO_MEMBERS';
type Given = FakeWorld & { readonly list?: string; readonly answers?: Answers['members'] };

/** hostA to hostC with addresses of their own; this is hostB. */
const addresses = ['127.0.0.1', '::1', '10.0.0.2'];
const known: Answers['members'] = {
  hostA: { addresses: ['10.0.0.1'], from: '10.0.0.2' },
  hostB: { addresses: ['10.0.0.2'], from: '10.0.0.2' },
  hostC: { addresses: ['10.0.0.3'], from: '10.0.0.2' },
};

function peering({ list = 'hostA,hostB,hostC', answers, ...world }: Given): Peering {
  const env = { [setting]: list, ...world.env };
  return planPeers(settingsFrom(env), fakeHost({ addresses, ...world, env }), answers);
}
const problems = (given: Given) => peering(given).requirements.flatMap(({ problem }) => problem ?? []);
const warnings = (given: Given) => peering(given).notices.map(({ text }) => text);
const self = (given: Given) => peering(given).peers?.self.name;
const listen = (given: Given) => peering(given).peers?.listen;

describe('an entry', () => {
  test.each([
    ['hostA', { name: 'hostA', port: 2380 }],
    ['hostA:4001', { name: 'hostA', port: 4001 }],
    ['maestro-0.maestro.ldms.svc', { name: 'maestro-0.maestro.ldms.svc', port: 2380 }],
    ['node_1', { name: 'node_1', port: 2380 }],
    ['10.0.0.1', { name: '10.0.0.1', port: 2380 }],
    ['10.0.0.1:1', { name: '10.0.0.1', port: 1 }],
    ['[fd00::1]', { name: 'fd00::1', port: 2380 }],
    ['[fd00::1]:65535', { name: 'fd00::1', port: 65_535 }],
  ])('%s', (text, member) => {
    expect(parseMember(text, 2380)).toEqual(member);
  });

  test.each([
    '',
    'hostA:',
    'hostA:0',
    'hostA:65536',
    'hostA:http',
    ':2380',
    'fd00::1',
    '[hostA]',
    '[fe80::1%eth0]',
    '[fd00::1',
    '10.0.0',
    '10.0.0.256',
    'http://hostA',
    'host A',
    'host..example',
    '-hostA',
    'hostA.',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}ab`,
  ])('but not %j', (text) => {
    expect(parseMember(text, 2380)).toBeUndefined();
  });
});

describe('the list', () => {
  const remedy = expect.any(String);

  test('everything that is wrong is told at once, each with its place', () => {
    expect(problems({ list: 'hostA,10.0.0,HOSTA,fd00::1,[fd00:0::1],[fd00::1]:1' })).toEqual([
      { kind: 'configuration', what: `cannot use ${setting}: "10.0.0" is no host name or address`, remedy },
      { kind: 'configuration', what: `cannot use ${setting}: HOSTA is listed twice`, remedy },
      {
        kind: 'configuration',
        what: `cannot use ${setting}: "fd00::1" is no host name or address`,
        remedy: 'write each as HOST or HOST:PORT, and an IPv6 address in brackets',
      },
      { kind: 'configuration', what: `cannot use ${setting}: fd00::1 is listed twice`, remedy },
    ]);
  });

  test.each([
    ['hostA', 1],
    ['a,b,c,d,e,f,g,h', 8],
  ])('%s is of a wrong number', (list, found) => {
    expect(problems({ list, hostname: 'hostA' })).toEqual([
      {
        kind: 'configuration',
        what: `cannot use ${setting}: ${found} of several maestro containers are listed, and there must be 2 to 7`,
        remedy: `list 3 or 5 hosts, or unset ${setting}: maestro is alone then`,
      },
    ]);
  });

  test.each([
    ['a,b', 'of 2 members of maestro, 2 have to be there: the loss of 0 can be borne, no more than with 1'],
    [
      'a,b,c,d',
      'of 4 members of maestro, 3 have to be there: the loss of 1 can be borne, no more than with 3',
    ],
  ])('%s: an even number is told', (list, text) => {
    expect(problems({ list, hostname: 'a', answers: { a: { addresses } } })).toEqual([]);
    expect(warnings({ list })).toContainEqual(expect.stringContaining(text));
  });

  test.each(['a,b,c', 'a,b,c,d,e', 'a,b,c,d,e,f,g'])('%s is told of nothing', (list) => {
    expect(peering({ list, hostname: 'a' })).toMatchObject({ notices: [], requirements: [] });
  });

  describe('in a file', () => {
    const file = (content: string): Given => ({
      list: '/etc/members',
      files: { '/etc/members': { content } },
      answers: known,
      hostname: 'hostB',
    });

    test.each([
      ['one a line', 'hostA\nhostB\nhostC\n'],
      ['with commas', 'hostA, hostB,hostC'],
      [
        'with comments, blank lines, and the ends of lines of other systems',
        '\ufeff# three\r\n\r\nhostA # first\r\n  hostB,\r\nhostC',
      ],
    ])('%s', (_, content) => {
      expect(peering(file(content)).peers?.all.map(({ name }) => name)).toEqual(['hostA', 'hostB', 'hostC']);
    });

    test('a mistake is told with its line', () => {
      expect(problems(file('hostA\n\nhost:B\nhostA\n')).map(({ what }) => what)).toEqual([
        'cannot use /etc/members:3: "host:B" is no host name or address',
        'cannot use /etc/members:4: hostA is listed twice',
      ]);
    });

    test('an empty one has no members', () => {
      expect(problems(file('# nobody\n')).map(({ what }) => what)).toEqual([
        expect.stringContaining('cannot use /etc/members: 0 of several'),
      ]);
    });

    test('one that is not there is told as any that is mounted, and below the root', () => {
      expect(problems({ list: '/etc/members', root: '/site' })).toEqual([
        {
          kind: 'configuration',
          what: 'cannot use /site/etc/members: it does not exist',
          remedy: 'put yours there: cp members /site/etc/members',
        },
      ]);
    });
  });
});

describe('which of them this container is', () => {
  test.each([
    ['the same', 'hostA,hostB,hostC', 'hostB', 'hostB'],
    ['in another case', 'hostA,HostB,hostC', 'hostb', 'HostB'],
    ['whole, before another with the same first label', 'hostB.x.org,hostB,hostC', 'hostB', 'hostB'],
    ['the host has a domain', 'hostA,hostB,hostC', 'hostB.example.org', 'hostB'],
    ['the list has a domain', 'hostA.x.org,hostB.x.org,hostC.x.org', 'hostB', 'hostB.x.org'],
  ])('by its host name: %s', (_, list, hostname, name) => {
    const answers = { [name]: { addresses: ['10.0.0.2'] } };
    expect(self({ list, hostname, answers, addresses })).toBe(name);
  });

  test.each([
    ['two have the first label', 'hostB.x.org,hostB.y.org,hostC', 'hostB'],
    ['another domain', 'hostA,hostB.x.org,hostC', 'hostB.y.org'],
    ['the numbers of an address are no labels', '10.0.0.7,10.0.0.8,10.0.0.9', '10'],
  ])('not by its host name: %s', (_, list, hostname) => {
    const answers = Object.fromEntries(list.split(',').map((name) => [name, { addresses: ['10.0.0.7'] }]));
    expect(self({ list, hostname, answers, addresses })).toBeUndefined();
    expect(problems({ list, hostname, answers, addresses })[0]?.what).toMatch(/^cannot tell which of/);
  });

  test('by its address, when the list has addresses: nobody is asked for anything', () => {
    const made = peering({ list: '10.0.0.1,10.0.0.2,10.0.0.3' });
    expect(made.questions).toEqual([]);
    expect(made.peers?.self.name).toBe('10.0.0.2');
    expect(self({ list: '10.0.0.1,10.0.0.2,10.0.0.3', addresses: ['10.0.0.3'] })).toBe('10.0.0.3');
    expect(
      self({ list: '[fd00::1],[fd00:0:0::2],[fd00::3]', addresses: ['fd00::2'] }),
      'however it is written',
    ).toBe('fd00:0:0::2');
  });

  test('by the address of a name: that is asked for first', () => {
    expect(peering({})).toMatchObject({
      questions: [{ about: 'members', hosts: ['hostA', 'hostB', 'hostC'] }],
      requirements: [],
    });
    expect(peering({}).peers).toBeUndefined();
    expect(peering({ answers: known })).toMatchObject({ questions: [], peers: { self: { name: 'hostB' } } });
  });

  test.each(['hostC', 'HOSTC', 'hostC:2380'])('LDMS_ENTRYPOINT_MAESTRO_MEMBER=%s says it', (said) => {
    const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBER: said };
    const world = { env, hostname: 'hostB', answers: known, addresses: ['10.0.0.3', '10.0.0.2'] };
    expect(self(world)).toBe('hostC');
    expect(self({ ...world, env: {} }), 'without it').toBe('hostB');
  });

  test('LDMS_ENTRYPOINT_MAESTRO_MEMBER=[fd00::3], of addresses', () => {
    const list = '[fd00::1],[fd00::2],[fd00::3]';
    const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBER: '[fd00::3]' };
    expect(self({ list, env, addresses: ['fd00::3'] })).toBe('fd00::3');
    expect(self({ list, env: { LDMS_ENTRYPOINT_MAESTRO_MEMBER: 'fd00::3' }, addresses: ['fd00::3'] })).toBe(
      'fd00::3',
    );
  });

  test('LDMS_ENTRYPOINT_MAESTRO_MEMBER must be one of them', () => {
    expect(
      problems({ env: { LDMS_ENTRYPOINT_MAESTRO_MEMBER: 'hostD' }, hostname: 'hostB', answers: known }),
    ).toEqual([
      {
        kind: 'configuration',
        what: 'cannot be the member LDMS_ENTRYPOINT_MAESTRO_MEMBER=hostD: the members are hostA, hostB, hostC',
        remedy: 'name one of those',
      },
    ]);
  });

  test('none: what was found is told', () => {
    const answers = { ...known, hostC: { addresses: [], why: 'the name is not known' } };
    expect(problems({ answers, hostname: 'f00', addresses: ['127.0.0.1', '172.17.0.2'] })).toEqual([
      {
        kind: 'configuration',
        what: 'cannot tell which of hostA, hostB, hostC this container is: its host name is f00, it has 172.17.0.2, and of them hostA has 10.0.0.1, hostB has 10.0.0.2, hostC has no address (the name is not known)',
        remedy:
          "give it the host's network (docker run --network=host), or set LDMS_ENTRYPOINT_MAESTRO_MEMBER to the one",
      },
    ]);
    expect(problems({ list: '10.0.0.1,10.0.0.9', addresses: ['::1'] })[0]?.what).toContain(
      'it has no address beyond loopback, and of them 10.0.0.1 is an address, 10.0.0.9 is an address',
    );
  });

  test('more than one: so is that', () => {
    const list = '127.0.0.1,127.0.0.2,127.0.0.3';
    expect(problems({ list })).toEqual([
      {
        kind: 'configuration',
        what: 'cannot tell which of 127.0.0.1, 127.0.0.2, 127.0.0.3 this container is: 3 have an address of it (127.0.0.1 is an address, 127.0.0.2 is an address, 127.0.0.3 is an address)',
        remedy: 'set LDMS_ENTRYPOINT_MAESTRO_MEMBER to the one',
      },
    ]);
    expect(self({ list, env: { LDMS_ENTRYPOINT_MAESTRO_MEMBER: '127.0.0.2' } })).toBe('127.0.0.2');
  });
});

describe('two names of one host', () => {
  const alias = (address: string) => ({ ...known, hostC: { addresses: ['192.0.2.3', address] } });
  const world = { hostname: 'hostB' };

  test('are two members that would be lost as one', () => {
    expect(problems({ ...world, answers: alias('10.0.0.1') })).toEqual([
      {
        kind: 'configuration',
        what: 'cannot have hostA and hostC as two members of maestro: both are 10.0.0.1:2380',
        remedy: 'list each host once',
      },
    ]);
  });

  test('another address, another port, or names on loopback are none', () => {
    expect(problems({ ...world, answers: alias('10.0.0.4') })).toEqual([]);
    expect(problems({ ...world, list: 'hostA,hostB,hostC:4001', answers: alias('10.0.0.1') })).toEqual([]);
    const local = { addresses: ['127.0.1.1'] };
    expect(problems({ ...world, list: 'hostA,hostB', answers: { hostA: local, hostB: local } })).toEqual([]);
  });
});

describe('where it listens to the others', () => {
  const b = { hostname: 'hostB' };

  test('on its own address, and on the port of its entry', () => {
    expect(listen({ ...b, answers: known })).toEqual({ address: '10.0.0.2', port: 2380 });
    expect(
      listen({ ...b, answers: known, env: { LDMS_ENTRYPOINT_ETCD_PEER_PORT: '4001' } }),
      'LDMS_ENTRYPOINT_ETCD_PEER_PORT',
    ).toEqual({ address: '10.0.0.2', port: 4001 });
    expect(listen({ ...b, list: 'hostA,hostB:4002', answers: known })).toEqual({
      address: '10.0.0.2',
      port: 4002,
    });
  });

  test('on that of its addresses which is here', () => {
    const answers = { ...known, hostB: { addresses: ['127.0.1.1', '192.0.2.1', '10.0.0.2'] } };
    expect(listen({ ...b, answers })).toEqual({ address: '10.0.0.2', port: 2380 });
  });

  // Debian writes 127.0.1.1 for its own name into /etc/hosts, which docker copies with --network=host.
  test('where its own name leads to loopback: on the address that its packets have', () => {
    const answers = { ...known, hostB: { addresses: ['127.0.1.1'], from: '127.0.0.1' } };
    expect(listen({ ...b, answers })).toEqual({ address: '10.0.0.2', port: 2380 });
    const unsure = { ...answers, hostA: { addresses: [], why: 'the name is not known' } };
    expect(listen({ ...b, answers: unsure }), 'by the first that has an address').toEqual({
      address: '10.0.0.2',
      port: 2380,
    });
    const tunnel = { ...answers, hostA: { addresses: ['10.0.0.1'], from: '127.0.0.1' } };
    expect(listen({ ...b, answers: tunnel }), 'but never on loopback').toEqual({
      address: '10.0.0.2',
      port: 2380,
    });
  });

  test('that is asked for even where the list has addresses', () => {
    const list = '127.0.0.1,10.0.0.8,10.0.0.9';
    expect(peering({ list }).questions).toEqual([{ about: 'members', hosts: list.split(',') }]);
    const answers = { '10.0.0.8': { addresses: ['10.0.0.8'], from: '10.0.0.2' } };
    expect(listen({ list, answers })).toEqual({ address: '10.0.0.2', port: 2380 });
  });

  test('all on loopback: there', () => {
    const list = '127.0.0.1,127.0.0.2,127.0.0.3';
    const env = { LDMS_ENTRYPOINT_MAESTRO_MEMBER: '127.0.0.3' };
    expect(peering({ list, env }).questions).toEqual([]);
    expect(listen({ list, env })).toEqual({ address: '127.0.0.3', port: 2380 });
    expect(warnings({ list, env }), 'nobody else comes there').toEqual([]);
    const names = { hostA: { addresses: ['127.0.0.1'] }, hostB: { addresses: ['127.0.0.2'] } };
    expect(listen({ ...b, list: 'hostA,hostB', answers: names })).toEqual({
      address: '127.0.0.2',
      port: 2380,
    });
  });

  // In a pod, /etc/hosts has the whole name, and the name servers follow when they have heard of it.
  test('where only the own host name has an address yet: there', () => {
    const list = 'maestro-0.maestro,maestro-1.maestro,maestro-2.maestro';
    const world = { list, hostname: 'maestro-1', addresses: ['10.244.0.7'] };
    expect(peering(world).questions).toEqual([
      { about: 'members', hosts: [...list.split(','), 'maestro-1'] },
    ]);
    const none = { addresses: [], why: 'the name is not known' };
    const answers = {
      ...Object.fromEntries(list.split(',').map((name) => [name, none])),
      'maestro-1': { addresses: ['10.244.0.7'] },
    };
    expect(listen({ ...world, answers })).toEqual({ address: '10.244.0.7', port: 2380 });
    expect(warnings({ ...world, answers }).filter((text) => text.includes('no address yet'))).toEqual([
      'the member maestro-0.maestro of maestro has no address yet (the name is not known): it is not reached before it has one',
      'the member maestro-2.maestro of maestro has no address yet (the name is not known): it is not reached before it has one',
    ]);
  });

  const remedy =
    "give it the host's network (docker run --network=host), or say where it listens: -e ETCD_LISTEN_PEER_URLS=http://ADDRESS:2380";
  test.each([
    [
      'its address is not here',
      known,
      'cannot listen as the member hostB: hostB has 10.0.0.2, and this container has 172.17.0.2',
    ],
    [
      'it has none',
      { ...known, hostB: { addresses: [], why: 'no name server answers' } },
      'cannot listen as the member hostB: hostB has no address (no name server answers), and this container has 172.17.0.2',
    ],
    [
      'it has only loopback, and no way leads to the others',
      { hostB: { addresses: ['127.0.1.1'] } },
      'cannot listen as the member hostB: hostB has 127.0.1.1, which the others cannot reach, and no packet of ours finds its way to them',
    ],
  ])('%s', (_, answers, what) => {
    expect(problems({ ...b, answers, addresses: ['127.0.0.1', '172.17.0.2'] })).toEqual([
      { kind: 'configuration', what, remedy },
    ]);
  });

  describe('ETCD_LISTEN_PEER_URLS has precedence', () => {
    const said = (urls: string, env: NodeJS.ProcessEnv = {}) => ({
      ...b,
      addresses: ['172.17.0.2'],
      env: { ETCD_LISTEN_PEER_URLS: urls, ...env },
    });
    test.each([
      ['http://172.17.0.2:4001', '172.17.0.2', 4001],
      ['http://0.0.0.0:2380/', '0.0.0.0', 2380],
      ['http://[::]:2380,http://10.0.0.1:1', '::', 2380],
    ])('%s', (urls, address, port) => {
      expect(listen(said(urls))).toEqual({ address, port });
      expect(peering(said(urls)).peers?.self.url, 'the others reach it as the list says').toBe(
        'http://hostB:2380',
      );
    });

    test.each(['https://172.17.0.2:2380', 'http://hostB:2380', 'http://172.17.0.2', '172.17.0.2:2380'])(
      '%s cannot be used',
      (urls) => {
        expect(problems(said(urls))).toEqual([
          {
            kind: 'configuration',
            what: `cannot use ETCD_LISTEN_PEER_URLS=${urls}: it does not begin with http://ADDRESS:PORT`,
            remedy: 'leave it out, and the address of hostB is listened on, or mend it',
          },
        ]);
      },
    );
  });
});

describe('TLS between them', () => {
  const pem = (what: string) => ({ content: `-----BEGIN ${what}-----\nMIIB\n-----END ${what}-----\n` });
  const files = {
    '/tls/crt': pem('CERTIFICATE'),
    '/tls/key': pem('EC PRIVATE KEY'),
    '/tls/ca': pem('CERTIFICATE'),
  };
  const env = {
    LDMS_ENTRYPOINT_ETCD_PEER_CERT: '/tls/crt',
    LDMS_ENTRYPOINT_ETCD_PEER_KEY: '/tls/key',
    LDMS_ENTRYPOINT_ETCD_PEER_CA: '/tls/ca',
  };
  const world = { hostname: 'hostB', answers: known, files, env };

  test('with it: all URLs are https, and nothing is warned of', () => {
    const { peers, notices, requirements } = peering(world);
    expect(peers?.all.map(({ url }) => url)).toEqual([
      'https://hostA:2380',
      'https://hostB:2380',
      'https://hostC:2380',
    ]);
    expect(peers?.tls).toEqual({ cert: '/tls/crt', key: '/tls/key', ca: '/tls/ca' });
    expect(notices).toEqual([]);
    expect(requirements.map(({ problem }) => problem)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('without it: what anybody there could do is told', () => {
    const { peers, notices } = peering({ ...world, env: {} });
    expect(peers).not.toHaveProperty('tls');
    expect(peers?.self.url).toBe('http://hostB:2380');
    expect(notices).toEqual([
      {
        level: 'warn',
        text: "the etcds of maestro's members speak to each other in clear, and ask nobody who he is: whoever reaches 10.0.0.2:2380 can read the configuration, change what every ldmsd of the cluster does, and stop the cluster; for mutual TLS set LDMS_ENTRYPOINT_ETCD_PEER_CERT, LDMS_ENTRYPOINT_ETCD_PEER_KEY and LDMS_ENTRYPOINT_ETCD_PEER_CA",
      },
    ]);
  });

  test.each([
    ['CERT', 'LDMS_ENTRYPOINT_ETCD_PEER_CERT is not set'],
    ['KEY', 'LDMS_ENTRYPOINT_ETCD_PEER_KEY is not set'],
    ['CA', 'LDMS_ENTRYPOINT_ETCD_PEER_CA is not set'],
  ])('without the %s alone', (which, why) => {
    expect(problems({ ...world, env: { ...env, [`LDMS_ENTRYPOINT_ETCD_PEER_${which}`]: '' } })).toEqual([
      {
        kind: 'configuration',
        what: `cannot have TLS between the members of maestro: ${why}`,
        remedy: 'set all three of _CERT, _KEY and _CA, or none',
      },
    ]);
  });

  test('each file must be there, and hold what it should', () => {
    const wrong = { '/tls/crt': pem('EC PRIVATE KEY'), '/tls/key': pem('CERTIFICATE') };
    expect(problems({ ...world, files: wrong }).map(({ what }) => what)).toEqual([
      'cannot use LDMS_ENTRYPOINT_ETCD_PEER_CERT=/tls/crt: it is no certificate in PEM',
      'cannot use LDMS_ENTRYPOINT_ETCD_PEER_KEY=/tls/key: it is no private key in PEM',
      'cannot use /tls/ca: it does not exist',
    ]);
  });

  test('no word of a key is in the plan', () => {
    expect(JSON.stringify(peering(world))).not.toContain('MIIB');
  });
});

describe("etcd's own variables that say what the list says", () => {
  const world = { hostname: 'hostB', answers: known };
  test.each([
    ['ETCD_NAME', 'unset it'],
    ['ETCD_INITIAL_CLUSTER', 'unset it'],
    ['ETCD_INITIAL_CLUSTER_STATE', 'unset it'],
    ['ETCD_INITIAL_CLUSTER_TOKEN', 'unset it'],
    ['ETCD_INITIAL_ADVERTISE_PEER_URLS', 'unset it'],
    ['ETCD_DISCOVERY_SRV', 'unset it'],
    [
      'ETCD_PEER_CERT_FILE',
      'unset it, and set LDMS_ENTRYPOINT_ETCD_PEER_CERT, LDMS_ENTRYPOINT_ETCD_PEER_KEY and LDMS_ENTRYPOINT_ETCD_PEER_CA',
    ],
  ])('%s is refused', (name, remedy) => {
    expect(problems({ ...world, env: { [name]: 'x' } })).toEqual([
      {
        kind: 'configuration',
        what: `cannot use ${name} beside LDMS_ENTRYPOINT_MAESTRO_MEMBERS: what it says follows from the list`,
        remedy,
      },
    ]);
  });

  test.each([
    [{ ETCD_NAME: '' }],
    [{ ETCD_QUOTA_BACKEND_BYTES: '1' }],
    [{ ETCD_HEARTBEAT_INTERVAL: '50' }],
    [{ ETCD_EXPERIMENTAL_PEER_SKIP_CLIENT_SAN_VERIFICATION: 'true' }],
  ])('%j is not', (env) => {
    expect(problems({ ...world, env })).toEqual([]);
  });

  // The join adds the option, which clashes with the variable even when that is empty.
  test('an empty ETCD_INITIAL_CLUSTER_STATE is', () => {
    expect(problems({ ...world, env: { ETCD_INITIAL_CLUSTER_STATE: '' } })).toHaveLength(1);
  });
});
