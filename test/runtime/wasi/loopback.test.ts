import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NetworkConnection, NetworkListener } from '#core/ports/network';
import { Loopback } from '../../../src/runtime/wasi/sockets/loopback.ts';

const PLACES = 12;
const ANY = { address: '127.0.0.1', port: 0 };
const HELD = 64 * 1024;

const action = fc.oneof(
  fc.record({ kind: fc.constantFrom('bind', 'end', 'close', 'unbind', 'accept', 'connect' as const), of: fc.nat(5) }),
  fc.record({ kind: fc.constantFrom('write', 'read' as const), of: fc.nat(5), bytes: fc.nat(100_000) }),
);

/** One direction of a connection, as it has to be. */
interface Direction {
  readonly sent: number[];
  ended: boolean;
}

interface End {
  readonly connection: NetworkConnection;
  readonly incoming: Direction;
  readonly outgoing: Direction;
  closed: boolean;
  /** The other end; `gone` once its listener was closed before it was accepted. */
  peer?: End | 'gone';
}

describe('sockets in memory', () => {
  it('carry every byte in order, bounded, and give back all places, whatever a store does with them', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        let taken = 0;
        let next = 0;
        const loopback = new Loopback(() => {
          if (taken === PLACES) return undefined;
          taken += 1;
          return () => {
            taken -= 1;
          };
        });
        const listeners: NetworkListener[] = [];
        const ends: End[] = [];
        const waiting = new Map<NetworkListener, End[]>();
        const leaves = new Map<End, () => void>();
        const close = (end: End): void => {
          end.closed = true;
          end.outgoing.ended = true;
          end.connection.close();
          leaves.get(end)?.();
          leaves.delete(end);
        };
        for (const { kind, of, ...more } of actions) {
          const listener = listeners[of % Math.max(1, listeners.length)];
          const end = ends[of % Math.max(1, ends.length)];
          if (kind === 'bind') {
            const made = loopback.bind(ANY);
            expect(listeners.map(({ local }) => local.port)).not.toContain(made.local.port);
            listeners.push(made);
            waiting.set(made, []);
          } else if (kind === 'connect' && listener !== undefined) {
            const queue = waiting.get(listener) ?? [];
            let near: NetworkConnection | undefined;
            try {
              near = loopback.connect(listener.local, undefined);
            } catch (code) {
              expect(code).toBe('connection-refused');
              expect(queue.length === 8 || taken === PLACES).toBe(true);
            }
            if (near === undefined) continue;
            const direction = (): Direction => ({ sent: [], ended: false });
            const made: End = { connection: near, incoming: direction(), outgoing: direction(), closed: false };
            ends.push(made);
            queue.push(made);
          } else if (kind === 'accept' && listener !== undefined) {
            const accepted = listener.accept();
            const near = waiting.get(listener)?.shift();
            expect(accepted === undefined).toBe(near === undefined);
            if (accepted === undefined || near === undefined) continue;
            const { incoming: outgoing, outgoing: incoming } = near;
            const made: End = { connection: accepted.connection, incoming, outgoing, closed: false, peer: near };
            near.peer = made;
            expect(accepted.connection.remote).toEqual(near.connection.local);
            expect(accepted.connection.local).toEqual(near.connection.remote);
            leaves.set(made, accepted.leave);
            ends.push(made);
          } else if (kind === 'unbind' && listener !== undefined) {
            listener.close();
            listeners.splice(listeners.indexOf(listener), 1);
            for (const near of waiting.get(listener) ?? []) {
              near.peer = 'gone';
              near.incoming.ended = true;
            }
            waiting.delete(listener);
          } else if (end === undefined || end.closed) continue;
          else if (kind === 'end') {
            end.connection.end();
            end.outgoing.ended = true;
          } else if (kind === 'close') close(end);
          else if (kind === 'write') {
            const { room } = end.connection.output;
            if (end.outgoing.ended || end.peer === 'gone' || end.peer?.closed === true) {
              expect(room).toBeUndefined();
              continue;
            }
            expect(room).toBe(HELD - end.outgoing.sent.length);
            const length = Math.min((more as { bytes: number }).bytes, room ?? 0);
            const bytes = Uint8Array.from({ length }, () => next++ % 251);
            end.connection.output.write(bytes);
            for (const byte of bytes) end.outgoing.sent.push(byte);
          } else if (kind === 'read') {
            const read = end.connection.input.read(1 + (more as { bytes: number }).bytes);
            if (read === undefined) {
              expect([end.incoming.ended, end.incoming.sent.length]).toEqual([true, 0]);
            } else expect([...read]).toEqual(end.incoming.sent.splice(0, read.length));
          }
        }
        for (const each of listeners) each.close();
        for (const end of ends) if (!end.closed) close(end);
        expect(taken).toBe(0);
      }),
    );
  });

  it('are for any port of a loopback address alone, and each listener is found at its own', () => {
    for (const [address, port, takes] of [
      ['127.0.0.1', 0, true],
      ['0:0:0:0:0:0:0:1', 0, true],
      ['127.0.0.1', 8080, false],
      ['127.0.0.2', 0, false],
      ['0.0.0.0', 0, false],
      ['0:0:0:0:0:ffff:7f00:1', 0, false],
    ] as const) {
      expect(Loopback.takes({ address, port }), address).toBe(takes);
    }
    const loopback = new Loopback(() => () => {});
    const { local } = loopback.bind({ address: '0:0:0:0:0:0:0:1', port: 0 });
    expect(loopback.connect({ address: '127.0.0.1', port: local.port }, undefined)).toBeUndefined();
    expect(loopback.connect({ address: '::1', port: local.port }, undefined)).toBeDefined();
  });
});
