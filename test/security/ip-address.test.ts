import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, isPublicAddress } from '../../src/security/authority/ip-address.ts';

describe('address', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7F.1',
    '017700000001',
    '0177.0.0.01',
    '127.0.0.1.',
    '::ffff:127.0.0.1',
    '[::ffff:127.0.0.1]',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2002:7f00:0001::1',
  ])('%s is 127.0.0.1, which is not public', (spelling) => {
    expect(canonicalAddress(spelling)).toBe('127.0.0.1');
    expect(isPublicAddress('127.0.0.1')).toBe(false);
  });

  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '168.63.129.16',
    '192.168.1.1',
    '192.0.0.1',
    '198.18.0.1',
    '203.0.113.7',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '100::1',
    '64:ff9b:1::1',
    '5f00::1',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
  ])('%s is not public', (text) => {
    const address = canonicalAddress(text);
    expect(address).toBeDefined();
    expect(isPublicAddress(address as string)).toBe(false);
  });

  it.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.32.0.1', '11.0.0.1', '2606:4700::1111', '2a00:1450:4001::200e'])(
    '%s is public',
    (address) => {
      expect(canonicalAddress(address)).toBe(address);
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    '',
    'localhost',
    'a.b',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.4:80',
    '1.2.3.4/x',
    'u@1.2.3.4',
    '[::1',
    '::g',
    '[::1]:80',
    'fe',
    '１２７.0.0.1',
  ])('%j is no address', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('has one spelling, whatever it is read from', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6()), (text) => {
        const address = canonicalAddress(text);
        expect(address === undefined ? 0 : isIP(address)).not.toBe(0);
        expect(canonicalAddress(address as string)).toBe(address);
      }),
      { numRuns: 1_000 },
    );
  });

  it('of any private IPv4 host stays private when it is carried in IPv6', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const hosts = fc.oneof(
      fc.tuple(fc.constantFrom(10, 127, 0, 224, 255), byte, byte, byte),
      fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
      fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
    );
    fc.assert(
      fc.property(hosts, ([a, b, c, d]) => {
        const dotted = `${a}.${b}.${c}.${d}`;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const text of [
          dotted,
          `::ffff:${dotted}`,
          `64:ff9b::${hex}`,
          `2002:${hex}::`,
          String(((a * 256 + b) * 256 + c) * 256 + d),
        ]) {
          expect(isPublicAddress(canonicalAddress(text) as string), text).toBe(false);
        }
      }),
    );
  });
});
