import { expect, test } from 'vitest';
import { masked } from '../../src/mask.ts';

test.each([
  ['https://user:hunter2@example.org/x.zip', 'https://***@example.org/x.zip'],
  ['https://example.org/x.zip?token=hunter2&a=b', 'https://example.org/x.zip?***'],
  ['https://example.org/x.zip?token=hunter2;folder', 'https://example.org/x.zip?***;folder'],
  ['https://user:hun?ter/hunter2@example.org/x', 'https://***@example.org/x'],
  ['https://hunter2@example.org/x.zip', 'https://***@example.org/x.zip'],
  ['cfg:database.url=mysql://grafana:hunter2@db:3306/x', 'cfg:database.url=mysql://***@db:3306/x'],
  ['http://a:hunter2@h/ and http://b:hunter2@i/', 'http://***@h/ and http://***@i/'],
  ["'https://user:hunter2@example.org/x.zip'", "'https://***@example.org/x.zip'"],
  ['cfg:security.admin_password=hunter2', 'cfg:security.admin_password=***'],
  ['cfg:default.security.admin_password=hunter2', 'cfg:default.security.admin_password=***'],
  ['cfg:security.secret_key=hunter2', 'cfg:security.secret_key=***'],
  ['cfg:auth.generic_oauth.client_secret=hunter2', 'cfg:auth.generic_oauth.client_secret=***'],
  ['cfg:smtp.PASSWORD=hunter2', 'cfg:smtp.PASSWORD=***'],
  ['cfg:metrics.api_token=hunter2=', 'cfg:metrics.api_token=***'],
  ["cfg:smtp.password=it's a hunter2", 'cfg:smtp.password=***'],
  ['cfg:smtp.password="hunter2', 'cfg:smtp.password=***'],
  ['https://user:p@hunter2@example.org/x.zip', 'https://***@example.org/x.zip'],
])('hidden: %s', (text, shown) => {
  expect(masked(text)).toBe(shown);
  expect(masked(masked(text))).toBe(shown);
  expect(shown).not.toContain('hunter2');
});

test.each([
  '',
  'https://example.org/x.zip',
  'https://example.org/@scope/x.zip',
  'https://example.org:8080/@scope/x.zip',
  'someone@example.org',
  'user:word@example.org',
  'cfg:server.http_port=3000',
  'cfg:security.admin_user=admin',
  'cfg:password.min=8',
  '--config=/etc/password.ini',
  'GF_SECURITY_ADMIN_PASSWORD="$(cat /run/secrets/admin)"',
  '/run/secrets/token',
])('shown as it is: %j', (text) => {
  expect(masked(text)).toBe(text);
});
