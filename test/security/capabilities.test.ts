import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CapabilitySet, type GrantInput } from '#security/authority';
import { TestClock } from '../../src/testing/clock.ts';

const clock = new TestClock();
const of = (...grants: GrantInput[]) => CapabilitySet.of(grants, clock);

/** The plain meaning of a pattern, by trying everything: `*` is one segment, `**` any number. */
function matches(pattern: readonly string[], target: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return target.length === 0;
  if (head === '**') return matches(rest, target) || (target.length > 0 && matches(pattern, target.slice(1)));
  return target.length > 0 && (head === '*' || head === target[0]) && matches(rest, target.slice(1));
}

const literal = fc.constantFrom('a', 'b', 'c', 'ab');
const pattern = fc.array(fc.oneof({ weight: 3, arbitrary: literal }, fc.constantFrom('*', '**')), {
  minLength: 1,
  maxLength: 7,
});
const target = fc.array(fc.oneof(literal, fc.constantFrom('x', 'A')), { minLength: 1, maxLength: 8 });
const patterns = fc.array(pattern, { maxLength: 8 });
const text = (segments: readonly string[]) => segments.join('/');
const grant = (segments: readonly string[]) => `messaging:send:${text(segments)}`;

describe('matching', () => {
  it('agrees with the plain meaning for any patterns and target', () => {
    fc.assert(
      fc.property(patterns, fc.array(target, { minLength: 1, maxLength: 6 }), (granted, targets) => {
        const set = of(...granted.map(grant));
        for (const each of targets) {
          const expected = granted.some((one) => matches(one, each));
          expect(set.allows('messaging', 'send', text(each))).toBe(expected);
          // A second time, from memory.
          expect(set.allows('messaging', 'send', text(each))).toBe(expected);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['counts/**', 'counts', true],
    ['counts/**', 'counts/', true],
    ['counts/**', 'counts/a/b', true],
    ['counts/**', 'countsX/a', false],
    ['counts/*', 'counts/a/b', false],
    ['counts/*', 'counts/', true],
    ['**', '', true],
    ['*', '', true],
    ['**/last', 'last', true],
    ['a.b', 'axb', false],
    ['a?', 'ab', false],
    ['[ab]', 'a', false],
    ['{a,b}', 'a', false],
    ['a+', 'aa', false],
    ['\\*', '*', false],
  ])('storage %s on %j is %s: nothing but * and ** is special', (granted, key, expected) => {
    if (granted === '\\*') {
      expect(() => of(`storage:read:${granted}`)).toThrow(expect.objectContaining({ code: 'SECURITY_INVALID_GRANT' }));
      return;
    }
    expect(of(`storage:read:${granted}`).allows('storage', 'read', key)).toBe(expected);
  });

  it.each([
    'demo/соunter/1',
    'demo/cafe\u0301/1',
    'demo/caf\u00e9/1',
    'demo/\u202ecounter/1',
    'demo/%63ounter/1',
    'demo/../1',
    'demo/./1',
    'demo//1',
    'demo/counter\0/1',
    'demo/counter /1',
    'demo\u2215counter/x/1',
    'demo\\counter/x/1',
  ])('no pattern allows the address %j', (address) => {
    expect(of('messaging:*:**', 'messaging:send:demo/*/*').allows('messaging', 'send', address)).toBe(false);
  });

  it('tells upper from lower case', () => {
    expect(of('messaging:publish:orders/New').allows('messaging', 'publish', 'orders/new')).toBe(false);
    expect(of('messaging:publish:orders/new').allows('messaging', 'publish', 'orders/NEW')).toBe(false);
  });

  it('takes time linear in the target, whatever the patterns', () => {
    const hostile = Array.from({ length: 20 }, (_, i) => `storage:read:${'**/a/'.repeat(20)}${'*/'.repeat(10)}${i}`);
    const set = of(...hostile);
    // The best of some: what else the machine does only adds to it.
    const time = (length: number) =>
      Math.min(
        ...Array.from({ length: 5 }, () => {
          const key = 'a/'.repeat(length);
          const start = performance.now();
          expect(set.allows('storage', 'read', key)).toBe(false);
          return performance.now() - start;
        }),
      );
    time(2_000);
    // 50 times the target: a quadratic matcher would take 2,500 times as long, a backtracking one would never end.
    expect(time(100_000)).toBeLessThan(Math.max(time(2_000), 1) * 1_000);
  });

  it('tells apart segments of the same hash', () => {
    // Each pair collides under 32-bit FNV-1a.
    for (const [one, other] of [
      ['costarring', 'liquid'],
      ['declinate', 'macallums'],
      ['altarage', 'zinke'],
    ]) {
      const set = of(`storage:read:${one}/*`, `storage:read:both/${one}`, `storage:read:both/${other}`);
      for (const again of [1, 2, 3]) {
        expect(set.allows('storage', 'read', `${other}/x`), `${again}`).toBe(false);
        expect(set.allows('storage', 'read', `${one}/x`), `${again}`).toBe(true);
        expect(set.allows('storage', 'read', `both/${one}`)).toBe(true);
        expect(set.allows('storage', 'read', `both/${other}`)).toBe(true);
        expect(set.allows('storage', 'read', `${one}/x/${other}`)).toBe(false);
      }
    }
  });

  it('stays right when it cannot remember all of its states', () => {
    const granted = Array.from({ length: 13 }, (_, i) => `storage:read:**/k${i}/**/end`);
    const set = of(...granted);
    // Each subset of the 13 names is a state of its own: twice what is remembered.
    for (let bits = 0; bits < 1 << 13; bits++) {
      const names = Array.from({ length: 13 }, (_, i) => i).filter((i) => (bits >> i) & 1);
      const key = `x/${names.map((i) => `k${i}/`).join('')}end`;
      expect(set.allows('storage', 'read', key)).toBe(bits !== 0);
    }
  });
});

describe('authority', () => {
  it('is none without a grant', () => {
    fc.assert(
      fc.property(fc.string(), (anything) => {
        expect(of().allows('messaging', 'send', anything)).toBe(false);
        expect(of().allows('storage', 'read', anything)).toBe(false);
        expect(of().allows('network', 'connect', anything)).toBe(false);
        expect(of().allows('filesystem', 'read', anything)).toBe(false);
        expect(of().allows('environment', 'read', anything)).toBe(false);
      }),
    );
  });

  it('is never made smaller by another grant', () => {
    fc.assert(
      fc.property(patterns, pattern, target, (granted, more, each) => {
        const before = of(...granted.map(grant));
        const after = before.with([grant(more)]);
        if (before.allows('messaging', 'send', text(each))) {
          expect(after.allows('messaging', 'send', text(each))).toBe(true);
        }
      }),
    );
  });

  it('is never made larger by revoking', () => {
    fc.assert(
      fc.property(patterns, pattern, fc.array(target), (granted, ended, targets) => {
        const set = of(...granted.map(grant));
        const before = targets.map((each) => set.allows('messaging', 'send', text(each)));
        set.revoke(grant(ended));
        targets.forEach((each, i) => {
          if (set.allows('messaging', 'send', text(each))) expect(before[i]).toBe(true);
        });
      }),
    );
  });

  it('ends with the next use after a grant was revoked, in every set that shares it', () => {
    const set = of('storage:*:**');
    const wider = set.with(['storage:read:a']);
    expect(wider.allows('storage', 'write', 'a')).toBe(true);
    expect(set.revoke('storage:*:**')).toBe(3);
    expect(set.revoke('storage:*:**')).toBe(0);
    expect(wider.allows('storage', 'write', 'a')).toBe(false);
    expect(wider.allows('storage', 'read', 'a')).toBe(true);
    expect(wider.list()).toEqual(['storage:read:a']);
  });

  it('rests on any one of the grants that overlap', () => {
    const set = of('storage:read:a/**', 'storage:read:a/*', 'storage:read:**/b');
    for (const granted of ['storage:read:a/**', 'storage:read:a/*']) {
      set.revoke(granted);
      expect(set.allows('storage', 'read', 'a/b')).toBe(true);
    }
    set.revoke('storage:read:**/b');
    expect(set.allows('storage', 'read', 'a/b')).toBe(false);
  });

  it('ends with the expiry of a grant while it is in use', () => {
    const time = new TestClock();
    const expiresAt = time.now() + 1_000;
    const set = CapabilitySet.of([{ area: 'storage', action: 'read', pattern: '**', expiresAt }], time);
    const overlapping = set.with([{ area: 'storage', action: 'read', pattern: 'a/**', expiresAt: expiresAt + 1 }]);
    time.advance(999);
    expect(set.allows('storage', 'read', 'a/b')).toBe(true);
    time.advance(1);
    expect(set.allows('storage', 'read', 'a/b')).toBe(false);
    expect(overlapping.allows('storage', 'read', 'a/b')).toBe(true);
    time.advance(1);
    expect(overlapping.allows('storage', 'read', 'a/b')).toBe(false);
  });

  it('is not prolonged, nor brought back, by setting the clock back', () => {
    const time = new TestClock();
    const start = time.now();
    const grant = { area: 'storage', action: 'read', pattern: '**', expiresAt: new Date(start + 1_000) };
    const set = CapabilitySet.of([grant], time);
    time.setWall(start - 1_000_000);
    time.advance(1_000);
    expect(set.allows('storage', 'read', 'a')).toBe(false);

    const other = CapabilitySet.of([{ ...grant, expiresAt: time.now() + 1_000 }], time);
    const now = time.now();
    time.setWall(now + 1_000);
    expect(other.allows('storage', 'read', 'a')).toBe(false);
    time.setWall(now);
    expect(other.allows('storage', 'read', 'a')).toBe(false);
  });
});

describe('narrowing', () => {
  it('never allows what the holder may not do', () => {
    fc.assert(
      fc.property(patterns, patterns, fc.array(target), (held, passed, targets) => {
        const holder = of(...held.map(grant));
        for (const each of passed) {
          let receiver: CapabilitySet;
          try {
            receiver = holder.narrow([grant(each)]);
          } catch (error) {
            expect(error).toEqual(expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED' }));
            continue;
          }
          for (const one of targets) {
            if (receiver.allows('messaging', 'send', text(one))) {
              expect(holder.allows('messaging', 'send', text(one))).toBe(true);
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('passes on any single target that is held, and every grant itself', () => {
    fc.assert(
      fc.property(pattern, target, (held, each) => {
        const holder = of(grant(held));
        expect(holder.narrow([grant(held)]).list()).toEqual(holder.list());
        if (matches(held, each)) {
          expect(holder.narrow([grant(each)]).allows('messaging', 'send', text(each))).toBe(true);
        }
      }),
    );
  });

  it('then widening fails', () => {
    fc.assert(
      fc.property(pattern, pattern, (wide, narrow) => {
        const holder = of(grant(wide));
        let receiver: CapabilitySet;
        try {
          receiver = holder.narrow([grant(narrow)]);
        } catch {
          return;
        }
        // Whatever the receiver can pass on was narrow already.
        try {
          receiver.narrow([grant(wide)]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'SECURITY_PERMISSION_DENIED' });
          return;
        }
        expect(receiver.list()).toEqual(of(grant(wide)).list());
      }),
    );
  });

  it.each([
    ['storage:read:a/**', 'storage:read:**'],
    ['storage:read:a/*', 'storage:read:a/**'],
    ['storage:read:a', 'storage:write:a'],
    ['messaging:publish:a', 'messaging:subscribe:a'],
    ['network:connect:https://api.example.com:443', 'network:connect:https://api.example.com:*'],
    ['network:connect:https://*.example.com', 'network:connect:https://**.example.com'],
    ['network:connect:**', 'network:connect:http://127.0.0.1:80'],
    ['clock:resolution:1ms', 'clock:resolution:1us'],
  ])('of %s to %s is refused', (held, wanted) => {
    expect(() => of(held).narrow([wanted])).toThrow(
      expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED', message: expect.stringContaining(wanted) }),
    );
  });

  it.each([
    ['storage:read:**', 'storage:read:a/**'],
    ['storage:read:**/*', 'storage:read:*/**'],
    ['storage:read:**/**', 'storage:read:**'],
    ['network:connect:https://**:443', 'network:connect:https://api.example.com'],
    ['network:connect:http://127.0.0.1:*', 'network:connect:http://127.0.0.1:80'],
    ['clock:resolution:1us', 'clock:resolution:5us'],
  ])('of %s to %s is done', (held, wanted) => {
    expect(of(held).narrow([wanted]).list()).toHaveLength(1);
  });

  it('gives a capability that ends when what it came from is revoked or expires, through any number of hands', () => {
    const time = new TestClock();
    const expiresAt = time.now() + 1_000;
    const first = CapabilitySet.of(
      ['storage:read:**', { area: 'storage', action: 'write', pattern: '**', expiresAt }],
      time,
    );
    const second = first.narrow(['storage:read:a/**', 'storage:write:a/**']);
    const third = second.narrow(['storage:read:a/b', 'storage:write:a/b']);
    expect(third.allows('storage', 'read', 'a/b')).toBe(true);
    expect(third.allows('storage', 'write', 'a/b')).toBe(true);
    time.advance(1_000);
    expect(third.allows('storage', 'write', 'a/b')).toBe(false);
    first.revoke('storage:read:**');
    expect(third.allows('storage', 'read', 'a/b')).toBe(false);
    expect(() => second.narrow(['storage:read:a/b'])).toThrow();
  });
});

describe('clock resolution', () => {
  it('is one millisecond, or the finest that is granted', () => {
    expect(of().clockResolutionNs()).toBe(1_000_000);
    const set = of('clock:resolution:10us', 'clock:resolution:100ns', 'clock:resolution:1s');
    expect(set.clockResolutionNs()).toBe(100);
    expect(set.allows('clock', 'resolution', '100ns')).toBe(true);
    expect(set.allows('clock', 'resolution', '99ns')).toBe(false);
    expect(set.allows('clock', 'resolution', 'none')).toBe(false);
    set.revoke('clock:resolution:100ns');
    expect(set.clockResolutionNs()).toBe(10_000);
  });
});

describe('file paths', () => {
  it('match by segments, root and trailing slash included', () => {
    const set = of('filesystem:read:/data/**', 'filesystem:write:/**');
    for (const path of ['/data', '/data/', '/data/a', '/data/a/b.txt'])
      expect(set.allows('filesystem', 'read', path)).toBe(true);
    for (const path of ['/', '/database', 'data/a', '/data/../etc', '/data/./a', '/data//a', '/data/a\0']) {
      expect(set.allows('filesystem', 'read', path), path).toBe(false);
    }
    expect(set.allows('filesystem', 'write', '/')).toBe(true);
  });

  it('are all matched by ** alone, which once matched none', () => {
    const set = of('filesystem:read:**');
    for (const path of ['/', '/data', '/data/a/b.txt']) expect(set.allows('filesystem', 'read', path), path).toBe(true);
    for (const path of ['/data/../etc', '/data//a']) expect(set.allows('filesystem', 'read', path), path).toBe(false);
  });

  it('agree with the plain meaning, and are covered by ** and /**', () => {
    fc.assert(
      fc.property(patterns, target, (granted, each) => {
        const grants = granted.map((one) => `filesystem:read:/${text(one)}`);
        const path = `/${text(each)}`;
        const expected = granted.some((one) => matches(one, each));
        expect(of(...grants).allows('filesystem', 'read', path)).toBe(expected);
        for (const wide of ['filesystem:*:**', 'filesystem:read:/**']) {
          expect(of(wide).narrow(grants).allows('filesystem', 'read', path)).toBe(expected);
          expect(of(wide).allows('filesystem', 'read', path)).toBe(true);
        }
      }),
    );
  });
});
