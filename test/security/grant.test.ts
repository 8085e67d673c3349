import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CapabilitySet, type GrantInput } from '#security/authority';
import { parseGrant } from '../../src/security/authority/grant.ts';
import { TestClock } from '../../src/testing/clock.ts';

const invalid = expect.objectContaining({ code: 'SECURITY_INVALID_GRANT' });

describe('grant', () => {
  it.each([
    ['messaging:send:demo/*/*', ['messaging:send:demo/*/*']],
    ['storage:write:counts/**', ['storage:write:counts/**']],
    ['network:connect:https://api.example.com:443', ['network:connect:https://api.example.com:443']],
    ['filesystem:read:/data/**', ['filesystem:read:/data/**']],
    ['environment:read:LANG', ['environment:read:LANG']],
    ['clock:resolution:1us', ['clock:resolution:1us']],
    ['storage:*:**', ['storage:read:**', 'storage:write:**', 'storage:delete:**']],
    ['storage:read:**/**/*', ['storage:read:*/**']],
    ['storage:read:a:b', ['storage:read:a:b']],
    ['network:connect:HTTPS://API.Example.com', ['network:connect:https://api.example.com:443']],
    ['network:connect:http://2130706433', ['network:connect:http://127.0.0.1:80']],
    ['network:connect:tcp://[::1]:5432', ['network:connect:tcp://[::1]:5432']],
    ['network:connect:*://**:*', ['network:connect:*://**:*']],
  ])('%s is read as %j', (text, expected) => {
    expect(parseGrant(text).map((grant) => grant.text)).toEqual(expected);
  });

  it('is the same as an object, which may have an end', () => {
    const expiresAt = new Date(5_000);
    const input = { area: 'storage', action: 'read', pattern: 'a/**', expiresAt };
    expect(parseGrant(input)).toMatchObject([{ text: 'storage:read:a/**', expiresAt: 5_000 }]);
  });

  it.each([
    '',
    'storage',
    'storage:read',
    'storage:read:',
    ':read:**',
    'Storage:read:**',
    'storage:READ:**',
    'storage:send:**',
    'constructor:read:**',
    '__proto__:read:**',
    'storage:read:a*',
    'storage:read:***',
    'storage:read:a b',
    'storage:read:größe',
    'storage:read:a\u202eb',
    `storage:read:${'a/'.repeat(64)}`,
    `storage:read:${'a'.repeat(1_025)}`,
    `storage:read:${'**/'.repeat(1 << 20)}`,
    'messaging:send:demo/../1',
    'messaging:send:demo/%2e/1',
    'messaging:send:demo//1',
    'messaging:send:d?mo/a/1',
    'network:connect:https://api.example.com/v1',
    'network:connect:https://user@api.example.com',
    'network:connect:https://api.example.com:99999',
    'network:connect:https://api.example.com:0',
    'network:connect:tcp://api.example.com',
    'network:connect:gopher://api.example.com:70',
    'network:connect:https://exämple.com',
    'network:connect:https://a..b',
    'network:connect:https://-a.b',
    'network:connect:https://1.2.3.4.5',
    'network:connect:https://1.2.3.*:443',
    'network:connect:api.example.com:443',
    'filesystem:read:data/**',
    'filesystem:read:/data/../etc',
    'filesystem:read:/data/./a',
    'filesystem:read:/data//a',
    'filesystem:read:/',
    'environment:read:A/B',
    'environment:read:1A',
    'environment:read:A=B',
    'clock:resolution:fast',
    'clock:resolution:0ns',
    'clock:resolution:**',
  ])('%j is refused', (text) => {
    expect(() => parseGrant(text)).toThrow(invalid);
  });

  it.each([
    null,
    5,
    [],
    {},
    { area: 'storage', action: 'read' },
    { area: 'storage', action: 'read', pattern: ['**'] },
    { area: 'storage', action: 'read', pattern: '**', expires: 5 },
    { area: 'storage', action: 'read', pattern: '**', expiresAt: 'tomorrow' },
    { area: 'storage', action: 'read', pattern: '**', expiresAt: Number.NaN },
    JSON.parse('{"__proto__": {"area": "storage", "action": "read", "pattern": "**"}}'),
  ])('%j is refused', (value: unknown) => {
    expect(() => parseGrant(value as GrantInput)).toThrow(invalid);
  });

  it('is read or refused with a typed error, whatever the text, and reads its own text again', () => {
    const area = fc.constantFrom('messaging', 'storage', 'network', 'filesystem', 'environment', 'clock');
    const action = fc.constantFrom('send', 'read', 'connect', 'resolution', '*');
    const text = fc.oneof(
      fc.string(),
      fc.tuple(area, action, fc.string()).map((parts) => parts.join(':')),
    );
    fc.assert(
      fc.property(text, (each) => {
        try {
          for (const grant of parseGrant(each)) expect(parseGrant(grant.text)).toMatchObject([{ text: grant.text }]);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('costs ten thousand others nothing but memory', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `storage:read:**/k${i}/*`);
    const set = CapabilitySet.of(many, new TestClock());
    expect(set.allows('storage', 'read', 'a/k9999/b')).toBe(true);
    expect(set.allows('storage', 'read', 'a/k10000/b')).toBe(false);
  });
});
