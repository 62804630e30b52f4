/** Who uses the page, and whether they must sign in. */

import { api, Refused, type Role } from './api';
import { live } from './live/live.svelte';

type Standing = 'asking' | 'signed-out' | 'signed-in' | 'unreachable';

class Session {
  standing = $state<Standing>('asking');
  role = $state<Role | null>(null);
  /** Whether there is a session to end. */
  canSignOut = $state(false);
  /** Whether only the first-run wizard runs. */
  settingUp = $state(false);

  readonly operates = $derived(this.role === 'operator');

  private again: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    live.onRefused = () => void this.ask();
  }

  /** Ask the server who we are; a pairing code in the address (`#/sign-in?code=…`) signs in. */
  async ask(): Promise<void> {
    clearTimeout(this.again);
    try {
      const code = pairingCode();
      if (code !== null) await api.signIn(code).catch(() => {}); // else the form shows
      const me = await api.me();
      this.role = me.role;
      this.canSignOut = me.session;
      this.settingUp = me.setting_up === true;
      this.standing = 'signed-in';
      if (!this.settingUp) live.start();
    } catch (error) {
      if (this.refuses(error)) {
        this.left();
      } else if (this.standing !== 'signed-in') {
        this.standing = 'unreachable';
        this.again = setTimeout(() => void this.ask(), 1000 + 4000 * Math.random());
      } // else the live connection goes on trying
    }
  }

  /** Whether a failed request was refused because nobody is signed in. */
  refuses(error: unknown): boolean {
    return error instanceof Refused && (error.status === 401 || error.status === 403);
  }

  /** @throws {Refused} with the server's sentence. */
  async signIn(password: string): Promise<void> {
    await api.signIn(password);
    await this.ask();
  }

  async signOut(): Promise<void> {
    await api.signOut();
    this.left();
  }

  private left(): void {
    live.stop();
    this.role = null;
    this.canSignOut = false;
    this.settingUp = false;
    this.standing = 'signed-out';
  }
}

/** The pairing code of a QR code; it is taken out of the address, and never kept. */
function pairingCode(): string | null {
  const found = /^#\/sign-in\?code=([^&]+)/.exec(location.hash);
  if (found?.[1] === undefined) return null;
  history.replaceState(null, '', '#/live');
  window.dispatchEvent(new HashChangeEvent('hashchange'));
  return decodeURIComponent(found[1]);
}

export const session = new Session();
