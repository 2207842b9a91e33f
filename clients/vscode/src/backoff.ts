// When a process that crashed is started again: at once, then after growing pauses, and after too many
// crashes in a short time not at all. Time comes in as an argument, so that the tests are a table.

const FIRST_MS = 250;
const MOST_MS = 15_000;
/** This many crashes within WINDOW_MS are one too many. */
const CRASHES = 6;
const WINDOW_MS = 3 * 60_000;

export class Backoff {
  private crashes: number[] = [];

  /** Milliseconds to wait, or undefined: give up. */
  next(now: number): number | undefined {
    this.crashes = [...this.crashes.filter((at) => now - at < WINDOW_MS), now];
    if (this.crashes.length >= CRASHES) return undefined;
    return Math.min(FIRST_MS * 4 ** (this.crashes.length - 1), MOST_MS);
  }

  reset(): void {
    this.crashes = [];
  }
}
