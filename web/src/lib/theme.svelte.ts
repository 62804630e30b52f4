/** Whether the page is dark now, for what is drawn on a canvas. */

import { preferences } from './preferences.svelte';

const query = matchMedia('(prefers-color-scheme: dark)');

class Theme {
  private ofDevice = $state(query.matches);

  readonly dark = $derived(
    preferences.chosen.theme === 'auto' ? this.ofDevice : preferences.chosen.theme === 'dark',
  );

  constructor() {
    query.addEventListener('change', () => {
      this.ofDevice = query.matches;
    });
  }
}

export const theme = new Theme();
