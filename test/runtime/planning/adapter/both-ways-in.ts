import { ATTACHED, type CallBudget, type Tank } from '#core/ports/meter';
import { meter } from '#metering';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../../../src/runtime/direct/direct-code.ts';
import { theExchange } from '../../../../src/runtime/exchange/exchange.ts';
import { planBuild } from '../../../../src/runtime/planning/plan.ts';
import { BareTurn } from '../../../../tools/runtime/bare-turn.ts';

const BUDGET: CallBudget = { fuel: 1_000_000_000n };

/** What a call came to: its value or what was thrown, and the fuel that it took. */
export interface Ended {
  readonly value?: unknown;
  readonly thrown?: unknown;
  readonly fuel: bigint;
}

/** A component on the direct path whose calls go through its adapters, or past them. */
export interface WayIn {
  call(name: string, ...args: readonly unknown[]): Ended;
}

/** The same component twice: metered with what its plan attaches, and without. */
export function bothWaysIn(component: Uint8Array, imports: Readonly<Record<string, unknown>> = {}): WayIn[] {
  const { calls, attached } = planBuild(component);
  if (!('direct' in calls)) throw new Error(`it ${calls.whyGlue}`);
  const own = linkComponent(readComponent(component)).modules;
  const code = new DirectCode(calls.direct);
  return [true, false].map((through) => {
    const modules = own.map(({ bytes }, index) => {
      const metered = meter.meterModule(bytes, 'fuel', { attached: through ? attached.get(index) : undefined });
      return new WebAssembly.Module(metered.bytes as Uint8Array<ArrayBuffer>);
    });
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 26 });
    tank.begin(BUDGET);
    const exports = new BareTurn().exports(() =>
      code.instantiate(
        (index) => modules[index] as WebAssembly.Module,
        imports,
        (module, given) => tank.link(module, { ...given, [ATTACHED]: theExchange().imports }),
        {
          stop(reason) {
            tank.stop(reason);
            throw reason;
          },
        },
      ),
    );
    tank.end();
    return { call: (name, ...args) => ended(tank, find(exports, name), args) };
  });
}

function find(exports: Readonly<Record<string, unknown>>, name: string): (...args: readonly unknown[]) => unknown {
  const [outer = '', inner] = name.split('#');
  const found = exports[outer];
  if (inner === undefined) return found as () => unknown;
  return (...args) => (found as Record<string, (...given: readonly unknown[]) => unknown>)[inner]?.(...args);
}

function ended(tank: Tank, run: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): Ended {
  tank.begin(BUDGET);
  try {
    const value = run(...args);
    tank.end();
    return { value, fuel: tank.usage.callFuel };
  } catch (thrown) {
    const failure = tank.failure(thrown);
    return { thrown: failure ?? thrown, fuel: tank.usage.callFuel };
  }
}
