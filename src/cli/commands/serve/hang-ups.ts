import type { Shell } from '../../shell.ts';

/**
 * Listens to SIGHUP for as long as the process lives. A process without a listener is ended by the signal, and every request with it
 * that is being answered.
 */
export class HangUps {
  #act: (() => void) | undefined;
  #came = false;
  #ends = false;

  constructor(shell: Shell) {
    let told = false;
    process.on('SIGHUP', () => {
      if (!this.#ends) this.#take();
      else if (!told) {
        told = true;
        shell.result({ event: 'reload-ignored' }, 'ignored SIGHUP, because the server ends');
      }
    });
  }

  /** Calls a function at each signal, and at once if one came while the server started. */
  actWith(act: () => void): void {
    this.#act = act;
    if (this.#came) act();
  }

  /** Ignores all signals from now on, and says so at the first. */
  end(): void {
    this.#ends = true;
  }

  #take(): void {
    if (this.#act === undefined) this.#came = true;
    else this.#act();
  }
}
