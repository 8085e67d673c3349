import { beforeEach, describe, expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import { SupervisedActors } from '../support/supervised-actors.ts';

let actors: SupervisedActors;
beforeEach(() => {
  actors = new SupervisedActors();
});

function group(strategy: 'one-for-one' | 'one-for-all' | 'rest-for-one') {
  actors.tree.addSupervisor('group', { strategy, maxRestarts: 3, withinMs: 5_000 });
  return ['a', 'b', 'c'].map((name) => actors.actor(name, { supervisor: 'group', restart: 'permanent' }));
}

describe('restart strategies', () => {
  it('one-for-one: restarts the failed actor alone', async () => {
    const [, b] = group('one-for-one');
    await actors.fail(b!);
    expect(actors.take()).toEqual(['stop b']);
    await actors.advance(10);
    expect(actors.take()).toEqual(['start b']);
  });

  it('one-for-all: stops the others in reverse order and starts all in order', async () => {
    const [, b] = group('one-for-all');
    await actors.fail(b!);
    expect(actors.take()).toEqual(['stop c', 'stop b', 'stop a']);
    expect(actors.running.size).toBe(0);
    await actors.advance(10);
    expect(actors.take()).toEqual(['start a', 'start b', 'start c']);
  });

  it('rest-for-one: restarts the failed actor and those started after it', async () => {
    const [, b] = group('rest-for-one');
    await actors.fail(b!);
    expect(actors.take()).toEqual(['stop c', 'stop b']);
    await actors.advance(10);
    expect(actors.take()).toEqual(['start b', 'start c']);
  });

  it('halts at once, before anything else can run', () => {
    const [a, b, c] = group('rest-for-one');
    actors.tree.failed(b!, new VivariumError('RUNTIME_TRAP', 'x'));
    expect([...actors.running]).toEqual([a]);
    expect(actors.running.has(c!)).toBe(false);
  });

  it('does not restart temporary siblings, but ends them', async () => {
    actors.tree.addSupervisor('group', { strategy: 'one-for-all' });
    const a = actors.actor('a', { supervisor: 'group', restart: 'permanent' });
    actors.actor('b', { supervisor: 'group', restart: 'temporary' });
    await actors.fail(a);
    await actors.advance(10);
    expect(actors.take().toSorted()).toEqual(['abandon b', 'start a', 'stop a']);
  });

  it('applies the strategy again, and counts, when a start fails', async () => {
    const [a] = group('one-for-all');
    actors.badStarts.set('b', 1);
    await actors.fail(a!);
    await actors.advance(10);
    expect(actors.take()).toEqual([
      'stop c',
      'stop b',
      'stop a',
      'start a',
      'bad start b',
      'stop c',
      'stop b',
      'stop a',
    ]);
    await actors.advance(20);
    expect(actors.take()).toEqual(['start a', 'start b', 'start c']);
    expect(actors.restarts.map(({ restarts }) => restarts)).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it('gives up an actor whose start never succeeds', async () => {
    const actor = actors.actor('a', { maxRestarts: 2, withinMs: 5_000, backoffMs: 1 });
    actors.badStarts.set('a', 100);
    await actors.fail(actor);
    for (let step = 0; step < 5; step++) await actors.advance(10);
    expect(actors.take()).toEqual(['stop a', 'bad start a', 'stop a', 'bad start a', 'stop a', 'abandon a']);
    expect(actors.gaveUp).toMatchObject([{ supervisor: 't/a/1', reason: { code: 'SUPERVISION_INTENSITY' } }]);
  });
});

describe('restart types', () => {
  const exit = (status: number) => new VivariumError('RUNTIME_EXITED', 'exit', { details: { status } });

  it.each([
    ['permanent', 0, true],
    ['permanent', 1, true],
    ['transient', 0, false],
    ['transient', 1, true],
    ['temporary', 0, false],
    ['temporary', 1, false],
  ] as const)('%s, exit status %i: restarted is %s', async (restart, status, restarted) => {
    const actor = actors.actor('a', { restart });
    await actors.fail(actor, exit(status));
    await actors.advance(10);
    expect(actors.take()).toEqual(restarted ? ['stop a', 'start a'] : ['abandon a']);
    expect(actors.tree.isSupervised(actor)).toBe(restarted);
  });
});

describe('an actor under supervision', () => {
  it('that fails in its first turn, before its start is known to have succeeded, is restarted again', async () => {
    const actor = actors.actor('a', { backoffMs: 1 });
    let quick = 1;
    actors.onStart = (handle) => {
      if (quick-- > 0) actors.tree.failed(handle, new VivariumError('RUNTIME_TRAP', 'at once'));
    };
    await actors.fail(actor);
    await actors.advance(1);
    await actors.advance(2);
    expect(actors.take()).toEqual(['stop a', 'start a', 'stop a', 'start a']);
  });

  it('that is unloaded while its restart is due stays away', async () => {
    const actor = actors.actor('a');
    await actors.fail(actor);
    actors.tree.removeActor(actor);
    await actors.advance(10);
    expect(actors.take()).toEqual(['stop a']);
  });

  it('reported twice for one failure is restarted once', async () => {
    const actor = actors.actor('a');
    actors.tree.failed(actor, new VivariumError('RUNTIME_TRAP', 'one'));
    await actors.fail(actor);
    await actors.advance(10);
    expect(actors.restarts).toHaveLength(1);
  });

  it.each([
    [{ maxRestarts: -1 }],
    [{ maxRestarts: 1.5 }],
    [{ withinMs: Number.NaN }],
    [{ backoffMs: Number.POSITIVE_INFINITY }],
    [{ restart: 'sometimes' as never }],
    [{ supervisor: 'nobody' }],
    [{ strategy: 'one-for-none' as never }],
  ])('refuses %o', (supervision) => {
    expect(() => actors.actor('a', supervision)).toThrow(expect.objectContaining({ code: 'SUPERVISION_INVALID' }));
  });
});
