import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTACHED, type Tank } from '#core/ports/meter';
import { fuelLane, meter } from '#metering';
import { exchangeLane, theExchange } from '../../../src/runtime/exchange/exchange.ts';
import { Execution, Turn } from '../../../src/runtime/execution/index.ts';
import type { HostState } from '../../../src/runtime/host/host-state.ts';
import { assemble } from '../../../tools/metering/wat.ts';

const SPIN = `(module (func (export "spin") (param i32)
  (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`;

interface Running {
  readonly turn: Turn;
  readonly tank: Tank;
  readonly spin: (turns: number) => void;
}

async function compiled(): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(meter.meterModule(await assemble(SPIN), 'fuel').bytes as Uint8Array<ArrayBuffer>);
}

function started(module: WebAssembly.Module, execution: Execution): Running {
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 20 });
  const turn = new Turn(Object.create(null) as HostState, tank);
  execution.enter(turn);
  tank.begin({ fuel: 1_000_000n });
  const { spin } = tank.link(module, { [ATTACHED]: theExchange().imports });
  return { turn, tank, spin: spin as Running['spin'] };
}

describe('the lanes of a thread', () => {
  it('charge each turn for its own code alone, whatever order the turns go on in', async () => {
    const module = await compiled();
    const step = fc.record({ turn: fc.nat(9), spins: fc.integer({ min: 1, max: 2_000 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const execution = new Execution();
        for (const lane of [fuelLane, exchangeLane]) execution.join(lane);
        const turns = Array.from({ length: 10 }, () => {
          const running = started(module, execution);
          execution.park(running.turn);
          return running;
        });
        for (const { turn: index, spins } of steps) {
          const { turn, spin } = turns[index] as Running;
          execution.resume(turn);
          spin(spins);
          execution.park(turn);
        }
        const alone = turns.map((_, index) => {
          const running = started(module, execution);
          for (const { turn, spins } of steps) if (turn === index) running.spin(spins);
          running.tank.end();
          execution.leave(running.turn);
          return running.tank.usage.callFuel;
        });
        const together = turns.toReversed().map(({ turn, tank }) => {
          execution.resume(turn);
          tank.end();
          execution.leave(turn);
          return tank.usage.callFuel;
        });
        expect(together.toReversed()).toEqual(alone);
      }),
      { numRuns: 50 },
    );
  });

  it('keep the exchange locked for the turn that locked it, and for no other', () => {
    const exchange = theExchange();
    exchange.lock();
    const parked = exchangeLane.park();
    expect(exchange.locked).toBe(false);
    exchangeLane.resume(parked);
    expect(exchange.locked).toBe(true);
    exchange.unlock();
  });

  it('let a tank that is begun inside a turn, without a turn of its own, give the fuel cell back', async () => {
    const module = await compiled();
    const execution = new Execution();
    execution.join(fuelLane);
    const outer = started(module, execution);
    outer.spin(100);
    const own = meter.createTank({ maxMemoryBytes: 2 ** 20 });
    own.begin({ fuel: 100_000n });
    (own.link(module, {}).spin as Running['spin'])(50);
    own.end();
    outer.spin(100);
    outer.tank.end();
    execution.leave(outer.turn);
    const alone = started(module, execution);
    alone.spin(100);
    alone.spin(100);
    alone.tank.end();
    execution.leave(alone.turn);
    expect(outer.tank.usage.callFuel).toBe(alone.tank.usage.callFuel);
  });
});
