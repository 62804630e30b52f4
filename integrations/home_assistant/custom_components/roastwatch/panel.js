/** The panel in the sidebar: a frame with the service's page, and the cookie that it needs. */

const RENEW_MS = 5 * 60 * 1000;
const AGAIN_MS = 5 * 1000;

class RoastwatchPanel extends HTMLElement {
  #hass = null;
  #page = null;
  #narrow = false;
  #timer = undefined;
  #frame = null;
  #bar = null;
  #asking = false;

  constructor() {
    super();
    this.attachShadow({ mode: 'open' });
  }

  set hass(hass) {
    this.#hass = hass;
    this.#arrange();
    this.#begin();
  }

  set panel(panel) {
    this.#page = panel.config.page;
    this.#begin();
  }

  set narrow(narrow) {
    this.#narrow = narrow;
    this.#arrange();
  }

  connectedCallback() {
    document.addEventListener('visibilitychange', this.#shown);
    this.#begin();
  }

  disconnectedCallback() {
    document.removeEventListener('visibilitychange', this.#shown);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #shown = () => {
    if (document.visibilityState === 'visible') this.#renew();
  };

  #begin() {
    if (this.#timer === undefined && this.isConnected && this.#hass && this.#page) this.#renew();
  }

  async #renew() {
    if (this.#asking || !this.#hass || !this.#page) return;
    this.#asking = true;
    clearTimeout(this.#timer);
    this.#timer = 0;
    let renewed = false;
    try {
      const answer = await this.#hass.fetchWithAuth(this.#page.slice(0, -1), { method: 'POST' });
      renewed = answer.ok;
    } catch {
      // Home Assistant restarts: again in a moment
    }
    this.#asking = false;
    if (!this.isConnected) return;
    if (renewed && this.#frame === null) this.#load();
    this.#timer = setTimeout(() => this.#renew(), renewed ? RENEW_MS : AGAIN_MS);
  }

  #load() {
    const style = document.createElement('style');
    style.textContent = `
      :host { display: flex; flex-direction: column; height: 100%; }
      header { display: flex; align-items: center; gap: 16px; height: 48px; padding: 0 12px;
        padding-top: env(safe-area-inset-top, 0px); flex: none; box-sizing: content-box;
        background: var(--app-header-background-color, var(--primary-color));
        color: var(--app-header-text-color, #fff); font-size: 20px; }
      header[hidden] { display: none; }
      button { width: 48px; height: 48px; padding: 12px; border: 0; background: none;
        color: inherit; cursor: pointer; }
      iframe { flex: 1; width: 100%; border: 0; background: var(--primary-background-color); }
    `;
    this.#bar = document.createElement('header');
    const button = document.createElement('button');
    button.setAttribute('aria-label', this.#hass.localize('ui.sidebar.sidebar_toggle') || 'Menu');
    button.innerHTML =
      '<svg viewBox="0 0 24 24" fill="currentColor"><path d="M3 6h18v2H3zm0 5h18v2H3zm0 5h18v2H3z"/></svg>';
    button.addEventListener('click', () => {
      this.dispatchEvent(new Event('hass-toggle-menu', { bubbles: true, composed: true }));
    });
    this.#bar.append(button, 'roastwatch');
    this.#frame = document.createElement('iframe');
    this.#frame.title = 'roastwatch';
    this.#frame.allow = 'autoplay; fullscreen; screen-wake-lock';
    this.#frame.src = this.#page;
    this.shadowRoot.replaceChildren(style, this.#bar, this.#frame);
    this.#arrange();
  }

  /** Where the sidebar is hidden, a button opens it. */
  #arrange() {
    if (this.#bar === null) return;
    this.#bar.hidden = !this.#narrow && this.#hass?.dockedSidebar !== 'always_hidden';
  }
}

customElements.define('roastwatch-panel', RoastwatchPanel);
