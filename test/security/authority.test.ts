import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEntry, AuditLog } from '#core/ports/audit';
import { Authority, CapabilitySet, type Denial } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';

function scene(...grants: string[]) {
  const entries: AuditEntry[] = [];
  const denials: Denial[] = [];
  const audit: AuditLog = { append: (entry) => void entries.push(entry), close: async () => undefined };
  const capabilities = CapabilitySet.of(grants, new TestClock());
  const onDenied = (denial: Denial) => void denials.push(denial);
  return { entries, denials, authority: new Authority({ component: 'demo/a/1', capabilities, audit, onDenied }) };
}

describe('authority of a component', () => {
  it('lets it do what was granted, without a trace', () => {
    const { authority, entries, denials } = scene('messaging:send:demo/*/*');
    authority.check('messaging', 'send', 'demo/b/1');
    expect(entries).toEqual([]);
    expect(denials).toEqual([]);
  });

  it('refuses anything else by naming the grant that would allow it, on record and as an event', () => {
    const { authority, entries, denials } = scene('messaging:send:demo/*/*');
    expect(() => authority.check('messaging', 'send', 'prod/b/1')).toThrow(
      expect.objectContaining({
        code: 'SECURITY_PERMISSION_DENIED',
        message: 'demo/a/1 may not send to "prod/b/1"; grant messaging:send:prod/b/1 to allow it',
      }),
    );
    const what = { component: 'demo/a/1', target: 'prod/b/1' };
    expect(entries).toMatchObject([{ ...what, action: 'messaging:send', outcome: 'denied' }]);
    expect(denials).toMatchObject([{ ...what, area: 'messaging', action: 'send', grant: 'messaging:send:prod/b/1' }]);
  });

  it('asks without a trace where only a part is shown', () => {
    const { authority, entries } = scene('storage:read:a/**');
    expect(authority.allows('storage', 'read', 'a/b')).toBe(true);
    expect(authority.allows('storage', 'read', 'b')).toBe(false);
    expect(entries).toEqual([]);
  });

  it('names a grant that does allow it, for any target, and keeps what a guest wrote short and escaped', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant('k'.repeat(1 << 16))), (key) => {
        const { authority, denials } = scene();
        let message = '';
        try {
          authority.check('storage', 'write', key);
        } catch (error) {
          message = String(error);
        }
        expect(message.length).toBeLessThan(1_000);
        expect(message).toMatch(/^[^\p{Cc}]*$/u);
        const [denial] = denials as [Denial];
        expect(CapabilitySet.of([denial.grant], new TestClock()).allows('storage', 'write', key)).toBe(true);
      }),
    );
  });

  it.each([
    ['U+009B, which begins an escape sequence of a terminal', '\u009b2J', '\\u009b2J'],
    ['U+007F, which JSON leaves as it is', 'a\u007f', 'a\\u007f'],
  ])('escapes %s', (_, key, shown) => {
    const { authority } = scene();
    expect(() => authority.check('storage', 'write', key)).toThrow(`"${shown}"; grant storage:write:** to allow it`);
  });
});
