import { describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { provisionDsosds } from '../../src/grafana/provision.ts';
import { type FakeFile, fakeHost } from '../support/fake-host.ts';

const provisioning = '/etc/grafana/provisioning';
const datasources = `${provisioning}/datasources`;
const place =
  '/etc/grafana/provisioning/datasources, for the data source of LDMS_ENTRYPOINT_DSOSDS_URL=http://cygnus-07';
const ours = `${datasources}/ldms-dsosds.yaml`;

function provision({
  url = 'http://cygnus-07',
  type = 'dsosds',
  uid = 472,
  files = { [datasources]: { kind: 'directory' } } as Record<string, FakeFile>,
} = {}) {
  return provisionDsosds(url, type, provisioning, fakeHost({ files, uid }));
}
const source = (given: Parameters<typeof provision>[0] = {}) => {
  const write = provision(given).preparations.find((step) => step.do === 'write');
  const { apiVersion, datasources } = YAML.parse(write?.text ?? '');
  expect(apiVersion).toBe(1);
  expect(datasources).toHaveLength(1);
  return datasources[0];
};

const made = provision({ files: { [provisioning]: { kind: 'directory' } } });

describe('a data source', () => {
  test("is written into grafana's directory for them, which is made", () => {
    expect(made).toEqual({
      requirements: [
        {
          what: place,
          found: 'it can be made',
        },
      ],
      preparations: [
        { do: 'directory', path: datasources, mode: 0o755, mend: false },
        { do: 'write', path: ours, text: expect.any(String), mode: 0o644 },
      ],
    });
  });

  test.each([
    ['for them', provisioning],
    ['for all that is provisioned', '/etc/grafana'],
    ['of grafana', '/etc'],
  ])('the directory %s need not be there: that above it counts', (_, nearest) => {
    expect(provision({ files: { [nearest]: { kind: 'directory' } } })).toEqual(made);
    // What is there already is not made.
    const there = provision({ files: { [datasources]: { kind: 'directory' } } });
    expect(there.requirements).toEqual([{ what: place, found: 'it can be written to' }]);
    expect(there.preparations.map((step) => step.do)).toEqual(['write']);
    const shut = { [nearest]: { kind: 'directory', closed: 'EACCES' } } as const;
    expect(provision({ files: shut }).requirements[0]).toHaveProperty('problem');
  });

  test('where nothing is there, all is made', () => {
    expect(provision({ files: {} })).toEqual(made);
  });

  test('says what grafana has to know', () => {
    expect(source()).toEqual({
      name: 'LDMS',
      uid: 'ldms-dsosds',
      type: 'dsosds',
      access: 'proxy',
      url: 'http://cygnus-07/grafana',
      isDefault: true,
      editable: false,
    });
  });

  test("is of the plugin's type", () => {
    expect(source({ type: 'sandia-dsosds' })).toMatchObject({ type: 'sandia-dsosds' });
  });

  test.each([
    ['no path', 'http://cygnus-07', 'http://cygnus-07/grafana'],
    ['a slash only', 'http://cygnus-07/', 'http://cygnus-07/grafana'],
    ['a port', 'http://cygnus-07:8080', 'http://cygnus-07:8080/grafana'],
    ['https', 'https://ui.example.org', 'https://ui.example.org/grafana'],
    ['IPv6', 'http://[::1]:80/', 'http://[::1]/grafana'],
    ['a path', 'http://cygnus-07/sosdb/grafana', 'http://cygnus-07/sosdb/grafana'],
    ['a path with slashes behind it', 'http://cygnus-07/sosdb//', 'http://cygnus-07/sosdb'],
    ['what YAML would read as a comment', 'http://h/a #b: "c', 'http://h/a #b: "c'],
  ])('asks at its URL: %s', (_, url, asked) => {
    expect(source({ url })).toMatchObject({ url: asked });
  });

  test.each([
    ['a variable', 'http://h/$HOME', 'http://h/$$HOME'],
    ['one in braces', 'http://h/${HOME}', 'http://h/$${HOME}'],
    ['two', 'http://h/$a/$$b', 'http://h/$$a/$$$$b'],
  ])('has no variable put into its URL: %s', (_, url, written) => {
    // Grafana takes one of two dollar signs away.
    expect(source({ url })).toMatchObject({ url: written });
    expect(source({ url: url.replaceAll('$', 'x') })).toMatchObject({ url: url.replaceAll('$', 'x') });
  });

  test.each([
    ['it is alone', {}, true],
    ['it was written by an earlier start', { [ours]: {} }, true],
    [
      'there is what is no data source',
      { [`${datasources}/README.md`]: {}, [`${datasources}/a.yaml.bak`]: {} },
      true,
    ],
    ['there is another', { [`${datasources}/prometheus.yaml`]: {} }, false],
    ['there is another, by its other ending', { [`${datasources}/prometheus.yml`]: {} }, false],
    ['there is another beside ours', { [ours]: {}, [`${datasources}/a.yaml`]: {} }, false],
  ])('is the default only if no other can be: %s', (_, more, isDefault) => {
    expect(source({ files: { [datasources]: { kind: 'directory' }, ...more } })).toMatchObject({ isDefault });
  });
});

describe('no place to write it', () => {
  const refused = (there: string, why: string, remedy: string) => ({
    requirements: [
      {
        what: place,
        problem: {
          kind: 'configuration',
          what: `cannot write to ${place}: ${there === datasources ? '' : `${there}: `}${why}`,
          remedy: expect.stringContaining(remedy),
        },
      },
    ],
    preparations: [],
  });
  const closed = (errno: string): FakeFile => ({ kind: 'directory', closed: errno });

  test.each([
    [472, 'EACCES', 'permission denied'],
    [1234, 'EACCES', 'permission denied'],
    [0, 'EROFS', 'the file system is read-only'],
  ])('uid %i, %s', (uid, errno, why) => {
    expect(provision({ uid, files: { [datasources]: closed(errno) } })).toEqual(
      refused(datasources, why, errno === 'EROFS' ? 'mount a volume there' : `give it to uid ${uid}: chown`),
    );
  });

  test('the directory has yet to be made, and cannot be', () => {
    expect(provision({ files: { [provisioning]: closed('EROFS') } })).toEqual(
      refused(provisioning, 'the file system is read-only', 'mount a volume there'),
    );
  });

  test.each(['/etc/grafana', '/etc', '/'])('in %s nothing can be made', (nearest) => {
    expect(provision({ files: { [nearest]: closed('EACCES') } })).toEqual(
      refused(nearest, 'permission denied', 'give it to uid 472: chown'),
    );
  });

  test.each([datasources, provisioning, '/etc/grafana'])('%s is a file', (path) => {
    const { requirements, preparations } = provision({ files: { [path]: {} } });
    expect(requirements).toMatchObject([
      {
        problem: {
          what: `cannot write to ${place}: ${path === datasources ? '' : `${path}: `}it, or a part of its path, is not a directory`,
        },
      },
    ]);
    expect(preparations).toEqual([]);
  });

  test('a closed directory above one that is open does not matter', () => {
    const files = { [provisioning]: closed('EACCES'), [datasources]: { kind: 'directory' } as const };
    expect(provision({ files }).requirements[0]).toHaveProperty('found');
  });
});
