/** Paper is light: while the page is printed, so are its colors, canvases included. */

import { flushSync } from 'svelte';
import { preferences } from './preferences.svelte';

/** Watch for printing; call what it returns to end that. */
export function lightWhilePrinting(): () => void {
  let before: typeof preferences.chosen.theme | null = null;
  const begin = () => {
    before = preferences.chosen.theme;
    preferences.chosen.theme = 'light';
    flushSync();
  };
  const end = () => {
    if (before !== null) preferences.chosen.theme = before;
    before = null;
  };
  addEventListener('beforeprint', begin);
  addEventListener('afterprint', end);
  return () => {
    end();
    removeEventListener('beforeprint', begin);
    removeEventListener('afterprint', end);
  };
}
