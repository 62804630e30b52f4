import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Setpoint } from '../src/lib/setpoint';

/** A roaster whose answers a test gives, and the value that a person sees. */
class Bench {
  sent: number[] = [];
  shown: number | null = null;
  private answers: ((accepted: boolean) => void)[] = [];
  readonly setpoint = new Setpoint(
    (percent) => {
      this.sent.push(percent);
      return new Promise((answer) => this.answers.push(answer));
    },
    (percent) => {
      this.shown = percent;
    },
  );

  async answers_with(accepted: boolean): Promise<void> {
    this.answers.shift()?.(accepted);
    await vi.advanceTimersByTimeAsync(0);
  }

  /** As the button does: from what is shown, else from what the roaster reports. */
  tap(step: number, reported: number): void {
    void this.setpoint.set((this.shown ?? reported) + step);
  }
}

describe('a setpoint', () => {
  let bench: Bench;
  beforeEach(() => {
    vi.useFakeTimers();
    bench = new Bench();
  });
  afterEach(() => void vi.useRealTimers());

  it('counts a second tap from the first, though the roaster reports the old value', async () => {
    bench.tap(-5, 60);
    await bench.answers_with(true);
    bench.setpoint.reported(60);
    bench.tap(-5, 60);
    await bench.answers_with(true);
    expect(bench.sent).toEqual([55, 50]);
  });

  it('sends only the latest of the taps made while a request is on its way', async () => {
    for (let tap = 0; tap < 4; tap++) bench.tap(-5, 60);
    expect(bench.sent).toEqual([55]);
    expect(bench.shown).toBe(40);
    await bench.answers_with(true);
    expect(bench.sent).toEqual([55, 40]);
  });

  it('is dropped once it is refused, with the taps that counted on it', async () => {
    bench.tap(+5, 60);
    bench.tap(+5, 60);
    await bench.answers_with(false);
    expect(bench.sent).toEqual([65]);
    expect(bench.shown).toBeNull();
  });

  it('is shown until the roaster reports it', async () => {
    bench.tap(-5, 60);
    bench.setpoint.reported(55);
    expect(bench.shown).toBe(55); // not before the answer
    await bench.answers_with(true);
    bench.setpoint.reported(60);
    expect(bench.shown).toBe(55);
    bench.setpoint.reported(55);
    expect(bench.shown).toBeNull();
  });

  it('gives way to the reported value if the roaster never reports it', async () => {
    bench.tap(-5, 60);
    await bench.answers_with(true);
    await vi.advanceTimersByTimeAsync(3100);
    expect(bench.shown).toBeNull();
  });

  it('is not taken from under a finger that moves the slider', async () => {
    bench.tap(-5, 60);
    bench.setpoint.move(30);
    await bench.answers_with(true);
    bench.setpoint.reported(30);
    await vi.advanceTimersByTimeAsync(5000);
    expect(bench.shown).toBe(30);
    expect(bench.sent).toEqual([55]);
    void bench.setpoint.set(30);
    expect(bench.sent).toEqual([55, 30]);
  });

  it('is given up by a finger that goes back to where it began', async () => {
    bench.setpoint.move(80);
    bench.setpoint.move(60);
    bench.setpoint.release();
    await vi.advanceTimersByTimeAsync(3100);
    expect(bench.sent).toEqual([]);
    expect(bench.shown).toBeNull();
  });

  it('stays within 0 and 100 %', () => {
    bench.tap(-5, 3);
    expect(bench.sent).toEqual([0]);
  });
});
