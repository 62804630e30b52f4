/** Plays short clips of recordings, one at a time, and only when a person asks for it. */

import { acting } from '../acting.svelte';
import { t } from '../i18n/index.svelte';
import { addresses } from './requests';

class Player {
  /** The clip that plays, or loads. */
  clip = $state<{ roastId: string; fromS: number; toS: number } | null>(null);
  /** The second of the roast that is heard now. */
  atS = $state<number | null>(null);

  private audio: HTMLAudioElement | null = null;
  private frame = 0;

  /** Play some sound of a roast, of at most 60 s. */
  play(roastId: string, fromS: number, toS: number): void {
    this.stop();
    const audio = new Audio(addresses.sound(roastId, fromS, toS));
    this.audio = audio;
    this.clip = { roastId, fromS, toS };
    audio.onended = () => this.stop();
    audio.onerror = () => this.failed(audio);
    audio.play().then(
      () => this.follow(),
      () => this.failed(audio),
    );
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    if (this.audio !== null) {
      this.audio.onended = null;
      this.audio.onerror = null;
      this.audio.pause();
      this.audio = null;
    }
    this.clip = null;
    this.atS = null;
  }

  private failed(audio: HTMLAudioElement): void {
    if (audio !== this.audio) return;
    this.stop();
    acting.tell(t('roast.sound_failed'), true);
  }

  private follow(): void {
    if (this.audio === null || this.clip === null) return;
    this.atS = this.clip.fromS + this.audio.currentTime;
    this.frame = requestAnimationFrame(() => this.follow());
  }
}

export const player = new Player();
