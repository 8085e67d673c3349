import type { NameService } from '#core/ports/network';

/**
 * The most names that a process looks up at a time. The system itself works on four at a time, in threads that files
 * need too.
 */
const MAX_OF_PROCESS = 64;

/**
 * Looks up a bounded number of names at a time, each of them once. A look-up cannot be cancelled, so one that nobody
 * waits for counts until it ends.
 */
export class LookUps implements NameService {
  readonly #names: NameService;
  readonly #most: number;
  readonly #running = new Map<string, Promise<readonly string[]>>();

  constructor(names: NameService, most: number) {
    this.#names = names;
    this.#most = most;
  }

  /** @throws when too many other look-ups run */
  async lookUp(name: string): Promise<readonly string[]> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    if (this.#running.size >= this.#most) throw new Error(`${this.#most} other names are looked up`);
    const found = this.#names.lookUp(name).finally(() => this.#running.delete(name));
    this.#running.set(name, found);
    return found;
  }
}

/** The system's own resolver, which programs use by default. */
export const systemNames: NameService = new LookUps(
  {
    async lookUp(name) {
      const { lookup } = await import('node:dns/promises');
      return (await lookup(name, { all: true })).map(({ address }) => address);
    },
  },
  MAX_OF_PROCESS,
);
