import { describe, expect, test } from 'vitest';
import { readDjangoSettings } from '../../src/ui/django.ts';
import { missionSettings } from '../support/mission-settings.ts';

const key = 'q7Zp_3mVx-0LrT8sYw2Kd5HnBf9JcGa4UeXi6oRtQyMvPz1SkNh';
const good = `SECRET_KEY = '${key}'
DEBUG = False
ALLOWED_HOSTS = ['ui.site.gov', '.site.gov']
DSOS_ROOT = "/store/"
DSOS_CONF = "/opt/ovis/etc/dsosd.conf"
LOG_FILE = "/var/log/sosgui/sosgui.log"
`;
const warnings = (text: string) => readDjangoSettings(text).warnings;
/** What a good file warns of when a line of it is another one. */
const warningsWith = (name: string, line: string) => {
  const text = good.replace(new RegExp(`^${name} = .*$`, 'm'), () => line);
  if (text === good) throw new Error(`${name} is not there, or is the same`);
  return warnings(text);
};

const debug = 'DEBUG is True: whoever meets an error is shown the settings and the code; set DEBUG = False';
const make = 'make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"';
const secret = `SECRET_KEY is a placeholder: whoever knows it can forge sessions; ${make}`;
const hosts = "ALLOWED_HOSTS has '*': it answers to any name; list the names that people use for this host";
const root = 'DSOS_ROOT is not set, and sosgui finds no data without it: DSOS_ROOT = "/store/"';
const conf =
  'DSOS_CONF is not set, and sosgui finds no data without it: DSOS_CONF = "/opt/ovis/etc/dsosd.conf"';

describe("the settings.py of the ldms-containers project's README", () => {
  test('is warned of for what an installation should not keep, and nothing else', () => {
    expect(readDjangoSettings(missionSettings)).toEqual({
      warnings: [debug, secret, hosts],
      logFiles: ['/var/log/sosgui/settings.log', '/var/log/sosgui/sosgui.log', '/var/log/sosgui/ods.log'],
      dsosConf: '/opt/ovis/etc/dsosd.conf',
      isConfComputed: false,
    });
  });
});

describe('a good settings.py', () => {
  test('has no warnings', () => {
    expect(readDjangoSettings(good)).toEqual({
      warnings: [],
      logFiles: ['/var/log/sosgui/sosgui.log'],
      dsosConf: '/opt/ovis/etc/dsosd.conf',
      isConfComputed: false,
    });
  });

  test('with the line ends of DOS is as good', () => {
    expect(warnings(good.replaceAll('\n', '\r\n'))).toEqual([]);
  });
});

describe('DEBUG', () => {
  test.each([
    'DEBUG = True',
    'DEBUG=True',
    'DEBUG\t=\tTrue',
    'DEBUG = True  # for now',
    'DEBUG: bool = True',
    'DEBUG : bool=True',
  ])('is warned of: %s', (line) => {
    expect(warningsWith('DEBUG', line)).toEqual([debug]);
  });

  test.each([
    'DEBUG=False',
    '# DEBUG = True',
    "DEBUG = os.environ.get('DEBUG') == 'True'",
    'TEMPLATE_DEBUG = True',
    'if False:\n    DEBUG = True',
    'DEBUG = True\nDEBUG = False',
    "X = 'DEBUG = True'",
    'DEBUG == True',
    'DEBUG: bool = False',
    'DEBUG: bool',
    'DEBUG = """True"""',
  ])('is not: %s', (line) => {
    expect(warningsWith('DEBUG', line)).toEqual([]);
  });

  test('of two, the last one counts', () => {
    expect(warningsWith('DEBUG', 'DEBUG = False\nDEBUG = True')).toEqual([debug]);
  });
});

describe('SECRET_KEY', () => {
  const example = 'tgi*mct^mr^%d=@(e5ix#!elxk5q3i3(&zzbt-!5op-#%h3!h9';
  test.each([
    ['that of sosdb-ui, which everybody can read', example],
    ["that of django-admin's project", `django-insecure-${key}`],
    ['an empty one', ''],
    ['one of few letters', 'abcd'.repeat(20)],
  ])('is a placeholder: %s', (_, value) => {
    for (const quote of ['"', "'"]) {
      const told = warningsWith('SECRET_KEY', `SECRET_KEY = ${quote}${value}${quote}`);
      expect(told).toEqual([secret]);
      // A log is read by more people than settings.py is.
      if (value !== '') expect(told.join()).not.toContain(value);
    }
  });

  test.each([
    ["that of django-admin's project, cut short", 'django-insecure-abc'],
    ['a short one of few letters', 'abcd'],
  ])('is a placeholder before it is short: %s', (_, value) => {
    expect(warningsWith('SECRET_KEY', `SECRET_KEY = '${value}'`)).toEqual([secret]);
  });

  test.each([49, 20, 5])('is short: one of %i letters', (count) => {
    const value = key.slice(0, count);
    const told = warningsWith('SECRET_KEY', `SECRET_KEY = '${value}'`);
    expect(told).toEqual([`SECRET_KEY has ${count} characters, and Django asks for 50; ${make}`]);
    expect(told.join()).not.toContain(value);
    expect(warningsWith('SECRET_KEY', `SECRET_KEY = '${key.slice(0, 50)}'`)).toEqual([]);
  });

  test.each([
    ['50 letters', `SECRET_KEY = '${key.slice(0, 50)}'`],
    ['a variable', "SECRET_KEY = os.environ['SECRET_KEY']"],
    ['one between triple quotes', 'SECRET_KEY = """short"""'],
    ['one between triple quotes that are single ones', "SECRET_KEY = '''short'''"],
    ['a file', "SECRET_KEY = open('/run/secrets/key').read()"],
    ['a placeholder in a comment', `SECRET_KEY = "${key}"  # was 'change me'`],
    ['one with a number sign', `SECRET_KEY = '#${key}'`],
  ])('is none: %s', (_, line) => {
    expect(warningsWith('SECRET_KEY', line)).toEqual([]);
  });

  test('is in no warning, whatever else is wrong', () => {
    const told = warnings(`SECRET_KEY = '${key}'\nDEBUG = True\nALLOWED_HOSTS = ['*']\n`);
    expect(told).toEqual([debug, hosts, root, conf]);
    expect(told.join('\n')).not.toContain(key);
    expect(warnings(missionSettings).join('\n')).not.toContain('blabla');
  });
});

describe('ALLOWED_HOSTS', () => {
  test.each([
    "ALLOWED_HOSTS = ['*']",
    'ALLOWED_HOSTS = ["*"]',
    "ALLOWED_HOSTS = ('*',)",
    "ALLOWED_HOSTS = ['ui.site.gov', '*']",
    "ALLOWED_HOSTS: list[str] = ['*']",
    "ALLOWED_HOSTS = [\n    'ui.site.gov',  # (internal)\n    '*',\n]",
  ])('is warned of: %j', (line) => {
    expect(warningsWith('ALLOWED_HOSTS', line)).toEqual([hosts]);
  });

  test.each([
    'ALLOWED_HOSTS = []',
    "ALLOWED_HOSTS = ['*.site.gov']",
    "ALLOWED_HOSTS = [\n    'ui.site.gov',\n    # '*',\n]",
    "ALLOWED_HOSTS = hosts()\nCORS = ['*']",
    "ALLOWED_HOSTS = hosts('*')",
    "ALLOWED_HOSTS = os.environ.get('HOSTS', '*').split(',')",
  ])('is not: %j', (line) => {
    expect(warningsWith('ALLOWED_HOSTS', line)).toEqual([]);
  });
});

describe('what sosgui needs', () => {
  test.each([
    ['DSOS_ROOT', root],
    ['DSOS_CONF', conf],
  ])('%s that is not set is told', (name, warning) => {
    expect(warningsWith(name, '')).toEqual([warning]);
    expect(warningsWith(name, `# ${name} = "/x"`)).toEqual([warning]);
    expect(warningsWith(name, `"""\n${name} = "/x"\n"""`)).toEqual([warning]);
    expect(warningsWith(name, `OLD_${name} = "/x"`)).toEqual([warning]);
  });

  test.each([
    'from .site import *',
    'if True:\n    from site_settings import  *',
    'from .site import DSOS_ROOT, DSOS_CONF',
    "DSOS_ROOT = os.environ['X']\nDSOS_CONF = os.path.join(BASE_DIR, 'dsosd.conf')",
  ])('may come from elsewhere: %j', (line) => {
    expect(warnings(line)).toEqual([]);
  });

  test('a star in a comment brings nothing', () => {
    expect(warnings('# from .site import *')).toEqual([root, conf]);
  });

  test.each([
    ['a literal', "DSOS_CONF = '/srv/dsosd.conf'", '/srv/dsosd.conf'],
    ['computed', "DSOS_CONF = os.path.join('/srv', 'dsosd.conf')", undefined],
    ['two words', "DSOS_CONF = '/srv' '/dsosd.conf'", undefined],
    ['between triple quotes', 'DSOS_CONF = """/srv/dsosd.conf"""', undefined],
    ['with a type', "DSOS_CONF: str = '/srv/dsosd.conf'", '/srv/dsosd.conf'],
    ['relative', "DSOS_CONF = 'etc/dsosd.conf'", 'etc/dsosd.conf'],
    ['with an escape', "DSOS_CONF = '/srv/\\x41'", undefined],
  ])('DSOS_CONF is known where it is a literal: %s', (_, line, path) => {
    expect(readDjangoSettings(line).dsosConf).toBe(path);
    expect(readDjangoSettings(line).isConfComputed).toBe(path === undefined);
  });

  test.each(['', "# DSOS_CONF = os.environ['X']", "OLD_DSOS_CONF = os.environ['X']"])(
    'DSOS_CONF is not elsewhere where it is not set: %j',
    (line) => {
      expect(readDjangoSettings(line).isConfComputed).toBe(false);
    },
  );
});

describe('log files', () => {
  const files = (text: string) => readDjangoSettings(text).logFiles;

  test.each([
    ["log = open('/var/log/a.log', 'a')", '/var/log/a.log'],
    ['log = open("/var/log/a.log", "w")', '/var/log/a.log'],
    ["log = open( '/var/log/a.log' , 'ab' )", '/var/log/a.log'],
    ["log = open('/var/log/a.log', mode='a')", '/var/log/a.log'],
    ["log = open('/var/log/a.log', mode = 'w')", '/var/log/a.log'],
    ["log = open('a.log', 'a')", 'a.log'],
    ['LOG_FILE = "logs/a.log"', 'logs/a.log'],
    ['LOG_FILE: str = "/a.log"', '/a.log'],
    ["try:\n    log = open('/var/log/a.log', 'x')\nexcept OSError:\n    pass", '/var/log/a.log'],
    ['LOG_FILE = "/var/log/b.log"', '/var/log/b.log'],
    ["ODS_LOG_FILE = '/var/log/c.log'", '/var/log/c.log'],
  ])('%j', (text, path) => {
    expect(files(text)).toEqual([path]);
  });

  test.each([
    ["key = open('/etc/key').read()"],
    ["key = open('/etc/key', 'r').read()"],
    ["key = open('/etc/key', 'rb').read()"],
    ["# log = open('/var/log/a.log', 'a')"],
    ['"""\nlog = open(\'/var/log/a.log\', \'a\')\nLOG_FILE = "/b"\n"""'],
    ["'''\nLOG_FILE = \"/b\"\n'''"],
    ["reopen('/var/log/a.log', 'a')"],
    ['LOG_FILE = os.path.join(BASE_DIR, "a.log")'],
    ["key = open('/etc/key', mode='r').read()"],
    ["key = open('/etc/key', encoding='ascii')"],
    ['LOG_FILE = """/a.log"""'],
    ['    LOG_FILE = "/a.log"'],
    ['MY_LOG_FILE = "/a.log"'],
  ])('none: %j', (text) => {
    expect(files(text)).toEqual([]);
  });

  test('each is told once', () => {
    expect(files("open('/l/a.log', 'a')\nLOG_FILE = '/l/a.log'\nODS_LOG_FILE = '/l/a.log'\n")).toEqual([
      '/l/a.log',
    ]);
  });
});

test.each(['', '\n', '#', "'", '"""', 'DEBUG =', '= True', '\0'])(
  'whatever stands there is read: %j',
  (text) => {
    expect(warnings(text)).toEqual([root, conf]);
  },
);
