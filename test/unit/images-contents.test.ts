/**
 * Which of OVIS' files each image has. What an OVIS with SOS, maestro, numsos and the UI installs is
 * written down here file by file, as their Makefile.am and setup.cfg name them, and so is what each
 * image is to have of it.
 */
import { describe, expect, test } from 'vitest';
import { type ImageName, imageNames, ovisContents } from '../../images/build/images.ts';
import { select } from '../../images/build/tree.ts';

const site = 'lib/python3.11/site-packages';
const dist = 'lib/python3.11/dist-packages';
const plugin = 'lib/ovis-ldms';

/** `file`, and the links that libtool makes beside it. */
const library = (file: string): string[] => [`${file}.so`, `${file}.so.0`, `${file}.so.0.0.0`];

const daemons = [
  'sbin/ldmsd',
  'sbin/ldmsctl',
  'sbin/ldms_ls',
  // Links to the two above.
  'sbin/ldms-aggd',
  'sbin/ldmsaggctl',
  // The tests that OVIS is configured with in the recipes: --enable-zaptest, --enable-ldms-test.
  'sbin/zap_test',
  'sbin/test_ldms',
];
const tools = [
  'bin/ldmsd_controller',
  'bin/ldmsd_yaml_parser',
  'bin/ldmsd_stream_publish',
  'bin/ldms-pedigree',
];
const sosTools = [
  'bin/sos-db',
  'bin/sos-import-csv',
  'bin/sos-index',
  'bin/sos-monitor',
  'bin/sos-part',
  'bin/sos-schema',
  'bin/sos_cmd',
  'bin/sos_part_create',
  'bin/sos_part_query',
  'bin/ods_dump',
  'bin/dsosd',
  'bin/dsosql',
];
const maestroTools = ['bin/maestro', 'bin/maestro_ctrl'];
const etc = [
  'etc/ld.so.conf.d/ovis-ld-so.conf',
  'etc/ldms/ldms.cfg',
  'etc/ldms/ldmsd.aggregator.env',
  'etc/ldms/ldmsd.sampler.env',
  'etc/ldms/ldmsplugin.sampler.conf',
  'etc/profile.d/set-ovis-variables.sh',
];
/** What all four images link: transport, authentication and what these are made of. */
const libraries = [
  ...library('lib/libcoll'),
  ...library('lib/libldms'),
  ...library('lib/libldms_auth_munge'),
  ...library('lib/libldms_auth_naive'),
  ...library('lib/libldms_auth_none'),
  ...library('lib/libldms_auth_ovis'),
  ...library('lib/libmmalloc'),
  ...library('lib/libovis_auth'),
  ...library('lib/libovis_ev'),
  ...library('lib/libovis_event'),
  ...library('lib/libovis_json'),
  ...library('lib/libovis_log'),
  ...library('lib/libovis_ref'),
  ...library('lib/libovis_util'),
  ...library('lib/libzap'),
];
const ldmsdLibraries = [
  ...library('lib/libldmsd_plugattr'),
  ...library('lib/libldmsd_request'),
  ...library('lib/libldmsd_stream'),
];
/** Of plugins, though they are not in the plugins' directory. */
const pluginLibraries = [...library('lib/libsampler_base'), ...library('lib/libjobid_helper')];
const sosLibraries = [
  ...library('lib/libsos'),
  ...library('lib/libsos_json'),
  ...library('lib/libdsos'),
  ...library('lib/libods'),
  ...library('lib/libtirpc'),
  ...library('lib/libidx_BXTREE'),
  ...library('lib/libidx_HTBL'),
  ...library('lib/libidx_H2BXT'),
  ...library('lib/libkey_TIMESTAMP'),
  ...library('lib/libkey_COMPOUND'),
  ...library('lib/libkey_UINT64_ARRAY'),
];
const transports = [...library(`${plugin}/libzap_sock`), ...library(`${plugin}/libzap_rdma`)];
/** Newer OVIS has these among the plugins. */
const authentication = library(`${plugin}/libldms_auth_munge`);
const samplers = [
  ...library(`${plugin}/libmeminfo`),
  ...library(`${plugin}/libvmstat`),
  ...library(`${plugin}/libprocstat2`),
  ...library(`${plugin}/libpapi_sampler`),
  ...library(`${plugin}/libdecomp_flex`),
];
const stores = [
  ...library(`${plugin}/libstore_csv`),
  ...library(`${plugin}/libstore_sos`),
  ...library(`${plugin}/libstore_kafka`),
  ...library(`${plugin}/libstore_avro_kafka`),
  ...library(`${plugin}/libstore_none`),
  // What several of them share.
  ...library('lib/libldms_store_csv_common'),
];
const python = [
  `${site}/ldmsd/__init__.py`,
  `${site}/ldmsd/ldmsd_communicator.py`,
  `${site}/ldmsd/parser_util.py`,
  `${site}/ovis_ldms/__init__.py`,
  `${site}/ovis_ldms/ldms.so`,
];
const sosPython = [
  `${site}/sosdb/__init__.py`,
  `${site}/sosdb/DataSet.py`,
  `${site}/sosdb/Sos.so`,
  `${site}/numsos/DataSource.py`,
  `${site}/numsos/Inputer.so`,
  `${site}/graf_analysis/__init__.py`,
  `${site}/graf_analysis/compMinMeanMax.py`,
];
const maestroPython = [
  `${dist}/maestro/maestro_util.py`,
  `${dist}/maestro/schema_registry.py`,
  `${dist}/ovis_maestro-0.2.0.dist-info/METADATA`,
  `${dist}/ovis_maestro-0.2.0.dist-info/RECORD`,
];
const ui = [
  'ui/manage.py',
  'ui/grafana/views.py',
  'ui/sosgui/settings.py',
  'ui/sosgui/wsgi.py',
  'ui/static/js/sos_web_svcs.js',
  'ui/templates/registration/login.html',
];
const nobodys = [
  'etc/ldms/ldmsauth.conf',
  'include/ldms/ldms.h',
  'include/sos/sos.h',
  'lib/libldms.a',
  'lib/libldms.la',
  'lib/libsos.la',
  'lib/ovis-lib-configvars.sh',
  'lib/ovis-ldms-configvars.sh',
  'lib/pkgconfig/ovis-ldms.pc',
  'lib/python3.11/site.py',
  `${plugin}/libmeminfo.a`,
  `${plugin}/libmeminfo.la`,
  `${plugin}/libstore_sos.la`,
  `${plugin}/libzap_sock.la`,
  `${site}/ldmsd/__pycache__/__init__.cpython-311.pyc`,
  `${site}/sosdb/Sos.la`,
  'sbin/__pycache__/tool.cpython-311.pyc',
  'share/doc/ovis-ldms-4.4.4/AUTHORS',
  'share/man/man8/ldmsd.8',
  'ui/sosgui/__pycache__/wsgi.cpython-311.pyc',
];

const installed = [
  ...[
    daemons,
    tools,
    sosTools,
    ['bin/rpcgen'],
    maestroTools,
    etc,
    libraries,
    ldmsdLibraries,
    pluginLibraries,
  ],
  ...[
    sosLibraries,
    transports,
    authentication,
    samplers,
    stores,
    python,
    sosPython,
    maestroPython,
    ui,
    nobodys,
  ],
].flat();

const expected: Readonly<Record<Exclude<ImageName, 'dev' | 'grafana'>, readonly (readonly string[])[]>> = {
  samp: [
    ...[daemons, tools, etc, libraries, ldmsdLibraries, pluginLibraries],
    ...[transports, authentication, samplers, python],
  ],
  agg: [
    ...[
      daemons,
      tools,
      sosTools,
      ['bin/rpcgen'],
      etc,
      libraries,
      ldmsdLibraries,
      pluginLibraries,
      sosLibraries,
    ],
    ...[transports, authentication, samplers, stores, python, sosPython],
  ],
  maestro: [
    ...[maestroTools, etc, libraries, pluginLibraries, transports, authentication],
    ...[python, maestroPython],
  ],
  ui: [
    ...[sosTools, etc, libraries, pluginLibraries, sosLibraries, transports, authentication],
    ...[python, sosPython, ui],
  ],
};

/** What an image takes of some files. */
function taken(image: ImageName, files: readonly string[]): string[] {
  const contents = ovisContents[image];
  return contents ? select(files, contents) : [];
}

describe.each(Object.entries(expected))('%s', (name, groups) => {
  const image = name as ImageName;

  test('has what is meant for it, and nothing else', () => {
    expect(taken(image, installed).sort()).toEqual(groups.flat().sort());
  });

  test('has the same of an OVIS for another Python', () => {
    const other = (files: readonly string[]) => files.map((file) => file.replace('python3.11', 'python3.13'));
    expect(taken(image, other(installed)).sort()).toEqual(other(groups.flat()).sort());
  });
});

test('dev and grafana have nothing of OVIS', () => {
  expect(imageNames.filter((image) => !(image in expected))).toEqual(['dev', 'grafana']);
  for (const image of ['dev', 'grafana'] as const) expect(taken(image, installed)).toEqual([]);
});

test('samp has no store plugin and nothing of SOS or maestro, whatever it is called', () => {
  const suspects = /store|sos|ods_|libods|libidx|libkey_|tirpc|rpcgen|graf_analysis|maestro/;
  expect(taken('samp', installed).filter((file) => suspects.test(file))).toEqual([]);
  expect(taken('agg', installed).filter((file) => suspects.test(file))).not.toEqual([]);
});

test('no image has what only a compiler reads, a cache, or a secret', () => {
  const useless = /\.l?a$|pkgconfig|__pycache__|^include\/|^share\/|ldmsauth/;
  for (const image of imageNames) {
    expect(taken(image, installed).filter((file) => useless.test(file))).toEqual([]);
  }
  expect(installed.filter((file) => useless.test(file)).length).toBeGreaterThan(10);
});

test('each file is for an image, or is known to be for none', () => {
  const some = new Set(imageNames.flatMap((image) => taken(image, installed)));
  expect(installed.filter((file) => !some.has(file)).sort()).toEqual([...nobodys].sort());
});

test('the files keep their order, and are the given ones', () => {
  const files = ['sbin/ldmsd', 'bin/b', 'bin/a', 'share/x'];
  expect(select(files, { include: ['bin/**', 'sbin/**'], except: ['bin/b'], needs: [] })).toEqual([
    'sbin/ldmsd',
    'bin/a',
  ]);
});
