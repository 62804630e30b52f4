/** A value that a person wants until the roaster reports it, so that a second tap counts from the first. */

const UNREPORTED_MS = 3000;

export class Setpoint {
  private wanted: number | null = null;
  private sending = false;
  private held = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `send` says whether the roaster accepted it; `show` gets what is wanted, null if nothing is. */
  constructor(
    private readonly send: (percent: number) => Promise<boolean>,
    private readonly show: (percent: number | null) => void,
  ) {}

  /** A finger moves the slider: nothing is requested yet. */
  move(percent: number): void {
    this.held = true;
    this.want(percent);
  }

  /** The finger is lifted; if the value is the one it began with, no request follows. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.timer = setTimeout(() => this.forget(), UNREPORTED_MS);
  }

  /** Request it. While a request is on its way, only the latest one follows. */
  async set(percent: number): Promise<void> {
    this.held = false;
    const wanted = Math.min(100, Math.max(0, Math.round(percent)));
    this.want(wanted);
    if (this.sending) return;
    this.sending = true;
    let sent: number | null = null;
    let accepted = true;
    while (accepted && this.wanted !== null && this.wanted !== sent && !this.held) {
      sent = this.wanted;
      accepted = await this.send(sent);
    }
    this.sending = false;
    if (this.held) return;
    if (!accepted) this.forget();
    else this.timer = setTimeout(() => this.forget(), UNREPORTED_MS);
  }

  /** What the roaster reports now. */
  reported(percent: number | null): void {
    if (!this.sending && !this.held && percent === this.wanted) this.forget();
  }

  private want(percent: number): void {
    clearTimeout(this.timer);
    this.wanted = percent;
    this.show(percent);
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.wanted = null;
    this.show(null);
  }
}
