import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lane } from '#core/ports/lane';
import { meter } from '#metering';
import { Execution, Turn } from '../../../src/runtime/execution/index.ts';
import type { HostState } from '../../../src/runtime/host/host-state.ts';

/** A register of the thread: what the running turn put there, and nothing between turns. */
class Register implements Lane {
  value: string | undefined;

  park(): unknown {
    const { value } = this;
    this.value = undefined;
    return value;
  }

  resume(parked: unknown): void {
    this.value = typeof parked === 'string' ? parked : undefined;
  }
}

function turnOf(): Turn {
  return new Turn(Object.create(null) as HostState, meter.createTank({ maxMemoryBytes: 0 }));
}

function thread(): { execution: Execution; registers: readonly Register[] } {
  const execution = new Execution();
  const registers = [new Register(), new Register()];
  for (const register of registers) execution.join(register);
  return { execution, registers };
}

/** Enters a turn, which fills the registers with its name, as a turn that begins fills its fuel. */
function begin(name: string, { execution, registers }: ReturnType<typeof thread>): Turn {
  const turn = turnOf();
  execution.enter(turn);
  for (const register of registers) register.value = name;
  return turn;
}

function end(turn: Turn, { execution, registers }: ReturnType<typeof thread>): void {
  if (execution.running === turn) for (const register of registers) register.value = undefined;
  execution.leave(turn);
}

describe('the execution of a thread', () => {
  it('runs nothing before a turn is entered and after it is left', () => {
    const all = thread();
    expect(() => all.execution.running).toThrow(/outside a turn/);
    const turn = begin('a', all);
    expect(all.execution.running).toBe(turn);
    end(turn, all);
    expect(() => all.execution.running).toThrow(/outside a turn/);
  });

  it('puts every lane aside for a turn within another, and back when it ends', () => {
    const all = thread();
    const outer = begin('outer', all);
    const inner = begin('inner', all);
    expect(all.registers.map(({ value }) => value)).toEqual(['inner', 'inner']);
    end(inner, all);
    expect(all.execution.running).toBe(outer);
    expect(all.registers.map(({ value }) => value)).toEqual(['outer', 'outer']);
  });

  it('leaves the lanes empty for whoever comes next when a turn is parked', () => {
    const all = thread();
    const turn = begin('a', all);
    all.execution.park(turn);
    expect(all.registers.map(({ value }) => value)).toEqual([undefined, undefined]);
    expect(() => all.execution.running).toThrow(/outside a turn/);
  });

  it('ends the calls inside a turn with it where the stack overflowed before they could end', () => {
    const all = thread();
    const below = begin('below', all);
    const outer = begin('outer', all);
    begin('abandoned', all);
    begin('abandoned too', all);
    all.execution.leave(outer);
    expect(all.execution.running).toBe(below);
    expect(all.registers.map(({ value }) => value)).toEqual(['below', 'below']);
  });

  it('keeps a turn that was resumed while the code of another had ended unnoticed', () => {
    const all = thread();
    const early = begin('early', all);
    all.execution.park(early);
    const late = begin('late', all);
    all.execution.resume(early);
    all.execution.leave(late);
    expect(all.execution.running).toBe(early);
    expect(all.registers.map(({ value }) => value)).toEqual(['early', 'early']);
    end(early, all);
    expect(() => all.execution.running).toThrow(/outside a turn/);
  });

  it('refuses to park a turn that does not run, and to resume one that is not parked', () => {
    const all = thread();
    const turn = begin('a', all);
    expect(() => all.execution.resume(turn)).toThrow(/parked/);
    const inner = begin('b', all);
    expect(() => all.execution.park(turn)).toThrow(/runs/);
    end(inner, all);
    end(turn, all);
    expect(() => all.execution.park(turn)).toThrow(/runs/);
  });

  it('forgets a parked turn that ends while it is parked', () => {
    const all = thread();
    const turn = begin('a', all);
    all.execution.park(turn);
    all.execution.leave(turn);
    expect(() => all.execution.resume(turn)).toThrow(/parked/);
  });

  it('gives each of a hundred turns its own lanes back, whatever order they go on in', () => {
    const step = fc.record({ turn: fc.nat(99), what: fc.constantFrom('step', 'end', 'nest' as const) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 600 }), (steps) => {
        const all = thread();
        const parked = new Map<number, Turn>();
        for (let name = 0; name < 100; name++) {
          const turn = begin(String(name), all);
          all.execution.park(turn);
          parked.set(name, turn);
        }
        for (const { turn: name, what } of steps) {
          const turn = parked.get(name);
          if (turn === undefined) continue;
          all.execution.resume(turn);
          expect(all.execution.running).toBe(turn);
          expect(all.registers.map(({ value }) => value)).toEqual([String(name), String(name)]);
          if (what === 'nest') {
            end(begin('nested', all), all);
            expect(all.registers.map(({ value }) => value)).toEqual([String(name), String(name)]);
          }
          if (what === 'end') {
            end(turn, all);
            parked.delete(name);
          } else all.execution.park(turn);
          expect(() => all.execution.running).toThrow(/outside a turn/);
          expect(all.registers.map(({ value }) => value)).toEqual([undefined, undefined]);
        }
      }),
    );
  });
});
