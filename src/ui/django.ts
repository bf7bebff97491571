/**
 * sosgui's settings.py, as far as it can be read without running it: literals that are assigned at the
 * margin. Whatever is computed is left alone.
 */

/** What a settings.py says in so many words. */
export interface DjangoSettings {
  /** What an operator should know of it. */
  readonly warnings: readonly string[];
  /** The log files that it opens, or has sosgui open. */
  readonly logFiles: readonly string[];
  /** DSOS_CONF, if it is a literal. */
  readonly dsosConf?: string;
  /** DSOS_CONF is computed, so that nobody knows here which file it is. */
  readonly isConfComputed: boolean;
}

/** The SECRET_KEY of sosdb-ui's own settings.py.example, which everybody can read. */
const exampleKey = 'tgi*mct^mr^%d=@(e5ix#!elxk5q3i3(&zzbt-!5op-#%h3!h9';

/** Reads the text of a settings.py. */
export function readDjangoSettings(text: string): DjangoSettings {
  const code = withoutComments(text);
  const assigned = assignments(code);
  // What another module defines does not show here.
  const isWhole = !/^\s*from\s+\S+\s+import\s+\*/m.test(code);
  const missing = ['DSOS_ROOT', 'DSOS_CONF'].filter(
    (name) => isWhole && !new RegExp(`\\b${name}\\b`).test(code),
  );
  const key = literal(assigned.get('SECRET_KEY'));
  const warnings = [
    ...(assigned.get('DEBUG') === 'True'
      ? ['DEBUG is True: whoever meets an error is shown the settings and the code; set DEBUG = False']
      : []),
    ...(key === undefined ? [] : keyWarnings(key)),
    ...(/^[[(][\s\S]*['"]\*['"]/.test(assigned.get('ALLOWED_HOSTS') ?? '')
      ? ["ALLOWED_HOSTS has '*': it answers to any name; list the names that people use for this host"]
      : []),
    ...missing.map((name) => `${name} is not set, and sosgui finds no data without it: ${examples[name]}`),
  ];
  const dsosConf = literal(assigned.get('DSOS_CONF'));
  const isConfComputed = dsosConf === undefined && assigned.has('DSOS_CONF');
  const logFiles = logFilesIn(code, assigned);
  return { warnings, logFiles, isConfComputed, ...(dsosConf !== undefined && { dsosConf }) };
}

const examples: Readonly<Record<string, string>> = {
  DSOS_ROOT: 'DSOS_ROOT = "/store/"',
  DSOS_CONF: 'DSOS_CONF = "/opt/ovis/etc/dsosd.conf"',
};

// As Django's own check security.W009 has it.
const shortestKey = 50;
const fewestLetters = 5;

function keyWarnings(key: string): string[] {
  const remedy = 'make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"';
  const isKnown =
    key === exampleKey || key.startsWith('django-insecure-') || new Set(key).size < fewestLetters;
  if (isKnown) return [`SECRET_KEY is a placeholder: whoever knows it can forge sessions; ${remedy}`];
  if (key.length >= shortestKey) return [];
  return [`SECRET_KEY has ${key.length} characters, and Django asks for ${shortestKey}; ${remedy}`];
}

/** The paths that are opened for writing, and those of the settings that sosgui logs to. */
function logFilesIn(code: string, assigned: ReadonlyMap<string, string>): string[] {
  const opened = [...code.matchAll(/\bopen\(\s*(['"])([^'"\n]+)\1\s*,\s*(?:mode\s*=\s*)?(['"])[awx]/g)].map(
    ([, , path = '']) => path,
  );
  const named = ['LOG_FILE', 'ODS_LOG_FILE'].flatMap((name) => literal(assigned.get(name)) ?? []);
  return [...new Set([...opened, ...named])].filter((path) => path !== '');
}

/** The last value of every name that is assigned at the margin, as it is written. */
function assignments(code: string): Map<string, string> {
  const found = [...code.matchAll(/^(\w+)[ \t]*(?::[^=\n]+)?=[ \t]*([[(][^\])]*[\])]|[^\n]*)/gm)];
  return new Map(found.map(([, name = '', value = '']) => [name, value.trim()]));
}

/** The text of a string literal; undefined for anything else. */
const literal = (value: string | undefined): string | undefined =>
  /^(['"])((?:(?!\1)[^\\])*)\1$/.exec(value ?? '')?.[2];

/** A text without its comments and without what stands between triple quotes. */
function withoutComments(text: string): string {
  const tokens = /("""|''')[\s\S]*?\1|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|#[^\n]*/g;
  // What stands between triple quotes is no literal that we read.
  return text.replace(tokens, (_, triple?: string, plain?: string) => plain ?? (triple ? 'None' : ''));
}
